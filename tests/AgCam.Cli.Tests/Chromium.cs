using System.Diagnostics;
using System.Text.Json;

namespace AgCam.Cli.Tests;

/// <summary>Runs Debian's chromium headless, if installed.</summary>
internal static class Chromium
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    public static string? Program { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':')
            .SelectMany(folder => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(name => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);

    /// <summary>Returns the page's document after its scripts and styles.</summary>
    public static string Dom(string page, string profile) =>
        Run(profile, "--dump-dom", "--window-size=1280,2400", new Uri(page).AbsoluteUri);

    public static void Screenshot(string page, string picture, string profile, int width = 1280, int height = 2400, bool dark = false) =>
        Run(
            profile,
            $"--screenshot={picture}",
            $"--window-size={width},{height}",
            $"--blink-settings=preferredColorScheme={(dark ? 0 : 1)}",
            new Uri(page).AbsoluteUri
        );

    /// <summary>Visits a URL of this machine; other hosts are unreachable.</summary>
    /// <returns>The document after its scripts, the console's output, and every requested URL.</returns>
    public static (string Dom, string Said, IReadOnlyList<Uri> Asked) Visit(Uri address, string profile)
    {
        var log = Path.Combine(profile, "network.json");
        Directory.CreateDirectory(profile);
        var (dom, said) = RunSaying(
            profile,
            "--dump-dom",
            "--virtual-time-budget=20000",
            "--window-size=1280,2400",
            "--enable-logging=stderr",
            $"--log-net-log={log}",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            address.AbsoluteUri
        );
        return (dom, said, AskedBy(address, File.ReadAllText(log)));
    }

    /// <summary>Excludes the browser's own requests, which have no page as initiator.</summary>
    private static List<Uri> AskedBy(Uri page, string log)
    {
        if (!log.TrimEnd().EndsWith('}'))
            log = log.TrimEnd().TrimEnd(',') + "]}"; // the log is not closed
        using var document = JsonDocument.Parse(log);
        var initiator = page.GetLeftPart(UriPartial.Authority);
        return
        [
            .. from entry in document.RootElement.GetProperty("events").EnumerateArray()
            where
                entry.TryGetProperty("params", out var given)
                && given.ValueKind == JsonValueKind.Object
                && given.TryGetProperty("url", out _)
                && given.TryGetProperty("initiator", out var asker)
                && asker.GetString() == initiator
            select new Uri(entry.GetProperty("params").GetProperty("url").GetString()!),
        ];
    }

    private static string Run(string profile, params string[] arguments) => RunSaying(profile, arguments).Output;

    private static (string Output, string Errors) RunSaying(string profile, params string[] arguments)
    {
        var start = new ProcessStartInfo(Program!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (
            var argument in (string[])
                [
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--hide-scrollbars",
                    $"--user-data-dir={profile}",
                    .. arguments,
                ]
        )
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"chromium did not end within {Limit.TotalMinutes} minutes.");
        }

        return process.ExitCode == 0
            ? (output.Result, errors.Result)
            : throw new InvalidOperationException($"chromium ended with {process.ExitCode}: {errors.Result}");
    }
}
