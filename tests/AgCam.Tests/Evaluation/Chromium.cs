using System.Diagnostics;

namespace AgCam.Tests.Evaluation;

/// <summary>Debian's chromium without a window, where it is installed.</summary>
internal static class Chromium
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    public static string? Program { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .SelectMany(folder => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    /// <summary>The page's document after scripts and styles have run.</summary>
    public static string Dom(string page, string profile) => Run(profile, "--dump-dom", "--window-size=1280,2400", new Uri(page).AbsoluteUri);

    public static void Screenshot(string page, string picture, string profile, int width = 1280, int height = 2400) =>
        Run(profile, $"--screenshot={picture}", $"--window-size={width},{height}", new Uri(page).AbsoluteUri);

    private static string Run(string profile, params string[] arguments)
    {
        var start = new ProcessStartInfo(Program!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", $"--user-data-dir={profile}", .. arguments])
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"chromium did not end within {Limit.TotalMinutes} minutes.");
        }

        return process.ExitCode == 0 ? output.Result : throw new InvalidOperationException($"chromium ended with {process.ExitCode}: {errors.Result}");
    }
}
