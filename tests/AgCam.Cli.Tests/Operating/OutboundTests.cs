using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace AgCam.Cli.Tests.Operating;

/// <summary>Tests which hosts a running service calls, from the system calls of its process.</summary>
public sealed partial class OutboundTests
{
    private const string Skipped = "strace is not installed: apt-get install strace";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    public static bool StraceIsThere => Strace is not null;

    private static string? Strace { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':')
            .Select(folder => Path.Combine(folder, "strace"))
            .FirstOrDefault(File.Exists);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(SkipUnless = nameof(StraceIsThere), Skip = Skipped)]
    public async Task Service_resolves_no_name_and_calls_no_host_that_is_not_configured()
    {
        using var folder = SomeImages.Folder(3);
        var calls = await TraceAsync(
            folder,
            [],
            async (client, serving) =>
            {
                Assert.Equal(0, Agcam.Run(["submit", folder.Path, "--wait"], "", ("AGCAM_URL", client.BaseAddress!.ToString())).Code);
                await client.PostAsJsonAsync("/v1/explanations", new { uri = "http://images.invalid/a.png" }, Cancel);
                var job = new { source = $"folder:{folder.Path}", webhook = "http://hooks.invalid/completed" };
                await client.PostAsJsonAsync("/v1/jobs", job, Cancel);
                await client.PostAsJsonAsync("/v1/explanations", new { uri = "s3://bucket/a.png" }, Cancel);
                await client.GetAsync("/docs/", Cancel);
                await client.GetAsync("/openapi/v1.json", Cancel);
            }
        );
        Assert.Contains(calls.Lines, line => line.Contains("HTTP/1.1 200 OK", StringComparison.Ordinal)); // the trace contains the response
        Assert.Empty(calls.Outside);
    }

    /// <summary>Proves that the test above can fail: the trace shows the lookup of an allowed host.</summary>
    [Fact(SkipUnless = nameof(StraceIsThere), Skip = Skipped)]
    public async Task Name_that_is_configured_is_resolved()
    {
        using var folder = SomeImages.Folder(1);
        var calls = await TraceAsync(
            folder,
            ["--host", "images.invalid"],
            (client, _) => client.PostAsJsonAsync("/v1/explanations?wait=30", new { uri = "http://images.invalid/a.png" }, Cancel)
        );
        Assert.NotEmpty(calls.Outside);
    }

    private static async Task<Calls> TraceAsync(TemporaryFolder folder, string[] more, Func<HttpClient, Process, Task> work)
    {
        using var state = new TemporaryFolder();
        var (trace, port) = (state["trace"], ServingProcess.FreePort());
        // -D: strace runs as a separate process, so the started process is the service.
        string[] watch = ["-D", "-f", "-s", "200", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace];
        string[] serve =
        [
            "serve",
            "--model",
            $"tiny={SomeImages.Model}",
            "--store",
            state["agcam.db"],
            "--root",
            folder.Path,
            "--device",
            "cpu",
            "--listen",
            $"http://127.0.0.1:{port}",
        ];
        var start = new ProcessStartInfo(Strace!, [.. watch, AgcamProcess.Program, .. serve, .. more])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var (said, _) = (process.StandardError.ReadToEndAsync(Cancel), process.StandardOutput.ReadToEndAsync(Cancel));
        try
        {
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Limit };
            await Eventually.TrueAsync(async () => process.HasExited || await AnswersAsync(client));
            Assert.False(process.HasExited, "agcam serve ended before it answered.");
            await work(client, process);
            using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
            Assert.True(process.WaitForExit(Limit), "agcam serve did not stop.");
            Assert.True(process.ExitCode == 0, await said);
            await Eventually.TrueAsync(() => Task.FromResult(Ended(trace, process.Id)));
            return new Calls(File.ReadAllLines(trace));
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>Removes the process id, which strace pads to five columns.</summary>
    private static bool Ended(string trace, int process) =>
        Regex.IsMatch(File.ReadAllText(trace), $@"^{process} +\+\+\+ exited", RegexOptions.Multiline);

    private static async Task<bool> AnswersAsync(HttpClient client)
    {
        try
        {
            return (await client.GetAsync("/health/ready", Cancel)).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false; // it does not listen yet
        }
    }

    /// <param name="Lines">Lines with one system call each.</param>
    private sealed record Calls(string[] Lines)
    {
        /// <summary>Returns calls to other machines and to any name server.</summary>
        public IReadOnlyList<string> Outside =>
            [
                .. Lines.Where(line =>
                    Address()
                        .Matches(line)
                        .Any(address =>
                            !IPAddress.IsLoopback(IPAddress.Parse(address.Groups[1].Value))
                            || line.Contains("htons(53)", StringComparison.Ordinal)
                        )
                ),
            ];
    }

    [GeneratedRegex("""inet_(?:addr\(|pton\(AF_INET6, )"([0-9a-fA-F.:]+)"\)""")]
    private static partial Regex Address();
}
