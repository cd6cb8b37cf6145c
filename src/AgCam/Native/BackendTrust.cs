using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace AgCam.Native;

/// <summary>
/// Runs <see cref="BackendSelfTest"/> for the libtorch in AGCAM_LIBTORCH, in a separate process because it may crash. The cache folder
/// records a passed test by the libraries' paths, sizes and times. The shipped libtorch is not tested.
/// </summary>
public static class BackendTrust
{
    /// <param name="program">
    /// Program that runs the self-test with these arguments, prints the faults and exits with 0 when there are none.
    /// </param>
    /// <exception cref="NativeBackendException">The test failed, crashed or timed out, or there is no libtorch to test.</exception>
    public static void Require(string program, IReadOnlyList<string> arguments) => Require(program, arguments, TimeSpan.FromMinutes(2));

    /// <inheritdoc cref="Require(string, IReadOnlyList{string})"/>
    public static void Require(string program, IReadOnlyList<string> arguments, TimeSpan limit)
    {
        var backend = NativeBackend.Find();
        if (!backend.External)
            return;
        var marker = Path.Combine(CacheFolder, $"libtorch-{Fingerprint(backend.Folder)}.passed");
        if (File.Exists(marker))
            return;
        if (Run(program, arguments, limit) is { } fault)
            throw new NativeBackendException(
                $"{NativeBackend.FolderVariable}: libtorch {backend.Version} in {backend.Folder} fails its self-test and is not used. "
                    + $"{fault} "
                    + $"TorchSharp {NativeBackend.TorchSharpVersion} was built for {NativeBackend.BuiltFor}. Give that release, "
                    + $"or unset {NativeBackend.FolderVariable} to use the shipped libtorch."
            );
        try
        {
            Directory.CreateDirectory(CacheFolder);
            File.WriteAllText(marker, $"{backend.Version} {backend.Folder}\n");
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
        {
            // The next start tests again.
        }
    }

    /// <summary>Cache folder of agcam: XDG_CACHE_HOME/agcam or ~/.cache/agcam.</summary>
    public static string CacheFolder =>
        Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given
                ? given
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "agcam"
        );

    private static string? Run(string program, IReadOnlyList<string> arguments, TimeSpan limit)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Start(start);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            return $"It did not finish within {limit.TotalSeconds:0} s.";
        }

        process.WaitForExit();
        var text = string.Join(
            ' ',
            (output.Result + "\n" + errors.Result)
                .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Take(6)
        );
        return process.ExitCode switch
        {
            0 => null,
            > 128 => $"It crashed (signal {process.ExitCode - 128}).",
            _ => text.Length > 0 ? text : $"It ended with code {process.ExitCode}.",
        };
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start) ?? throw new NativeBackendException($"The self-test {start.FileName} did not start.");
        }
        catch (Win32Exception refused)
        {
            throw new NativeBackendException(
                $"The self-test of {NativeBackend.FolderVariable} did not start: {refused.Message} Check that {start.FileName} "
                    + "is executable.",
                refused
            );
        }
    }

    private static Digest Fingerprint(string folder)
    {
        var text = new StringBuilder(
            $"{NativeBackend.TorchSharpVersion} {Environment.GetEnvironmentVariable(NativeBackend.ExperimentalVariable)}"
        );
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*.so*").OrderBy(file => file.Name, StringComparer.Ordinal))
            text.Append('\n').Append(file.FullName).Append(' ').Append(file.Length).Append(' ').Append(file.LastWriteTimeUtc.Ticks);
        return Digest.Of(Encoding.UTF8.GetBytes(text.ToString()));
    }
}
