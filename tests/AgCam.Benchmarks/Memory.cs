using System.Globalization;

namespace AgCam.Benchmarks;

internal static class Memory
{
    /// <param name="row">Name of a row of /proc/self/status: VmRSS, RssAnon or RssFile.</param>
    /// <returns>Memory of this process in MB.</returns>
    public static double Resident(string row)
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(row + ":", StringComparison.Ordinal));
        var words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(words[1], CultureInfo.InvariantCulture) / 1024.0;
    }
}
