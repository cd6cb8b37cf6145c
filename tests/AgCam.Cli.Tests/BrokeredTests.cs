using System.Diagnostics;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>Tests API and worker as separate processes with RabbitMQ, MongoDB and a real model.</summary>
[Trait("RabbitMQ", "wire")]
public class BrokeredTests
{
    public static bool ServicesAreThere =>
        Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ") is { Length: > 0 }
        && Environment.GetEnvironmentVariable("AGCAM_TEST_MONGODB") is { Length: > 0 };

    [Fact(SkipUnless = nameof(ServicesAreThere), Skip = "AGCAM_TEST_RABBITMQ and AGCAM_TEST_MONGODB name no services")]
    public async Task Submitted_job_is_completed_by_a_worker_that_starts_later()
    {
        using var folder = SomeImages.Folder(6);
        using var state = new TemporaryFolder();
        File.WriteAllText(folder["broken.png"], "not a picture");
        var url = $"http://127.0.0.1:{ServingProcess.FreePort()}";
        var test = $"test-{Guid.NewGuid():N}";
        string[] common = ["--model", $"tiny={SomeImages.Model}", "--root", folder.Path];

        using var api = Start(test, ["api", .. common, "--listen", url]);
        await AnswersAsync(new Uri(url + "/health/live"), api);
        var key = Guid.NewGuid().ToString("N");
        var handedIn = Agcam.Run(["submit", folder.Path, "--key", key, "--json"], "", ("AGCAM_URL", url));
        Assert.Equal(0, handedIn.Code);

        using var worker = Start(test, ["worker", .. common, "--device", "cpu"]);
        var done = Agcam.Run(["submit", folder.Path, "--key", key, "--wait", "--json"], "", ("AGCAM_URL", url));
        Assert.Equal(3, done.Code); // one image of seven failed
        // The same key is the same job.
        Assert.Equal(handedIn.Rows.Single().GetProperty("id").GetString(), done.Rows.Single().GetProperty("id").GetString());
        var progress = done.Rows.Single().GetProperty("progress");
        Assert.Equal((6, 1), (progress.GetProperty("completed").GetInt32(), progress.GetProperty("failed").GetInt32()));
        var exported = Agcam.Run(["jobs", "export", done.Rows.Single().GetProperty("id").GetString()!], "", ("AGCAM_URL", url));
        Assert.Equal(7, exported.Rows.Length);
        foreach (var process in (Process[])[worker, api])
            process.Kill(entireProcessTree: true);
    }

    [Fact(SkipUnless = nameof(ServicesAreThere), Skip = "AGCAM_TEST_RABBITMQ and AGCAM_TEST_MONGODB name no services")]
    public async Task Dry_run_measures_pace_on_a_worker_without_storing_explanations()
    {
        using var folder = SomeImages.Folder(6);
        var (test, url) = ($"test-{Guid.NewGuid():N}", $"http://127.0.0.1:{ServingProcess.FreePort()}");
        string[] common = ["--model", $"tiny={SomeImages.Model}", "--root", folder.Path];
        using var api = Start(test, ["api", .. common, "--listen", url]);
        using var worker = Start(test, ["worker", .. common, "--device", "cpu"]);
        await AnswersAsync(new Uri(url + "/health/live"), api);

        var report = Agcam.Run(["submit", folder.Path, "--dry-run", "--json"], "", ("AGCAM_URL", url)).Rows.Single();
        Assert.Equal(("sample", 5), (report.GetProperty("paceFrom").GetString(), report.GetProperty("paceImages").GetInt32()));
        Assert.True(report.GetProperty("hours").GetDouble() > 0);
        var again = Agcam.Run(["submit", folder.Path, "--dry-run", "--json"], "", ("AGCAM_URL", url)).Rows.Single();
        Assert.Contains("explained already", again.GetProperty("hoursUnknown").GetString(), StringComparison.Ordinal);
        using var client = new HttpClient();
        Assert.Contains(
            "\"items\":[]",
            await client.GetStringAsync(new Uri(url + "/v1/items"), TestContext.Current.CancellationToken),
            StringComparison.Ordinal
        );
        foreach (var process in (Process[])[worker, api])
            process.Kill(entireProcessTree: true);
    }

    [Fact(SkipUnless = nameof(ServicesAreThere), Skip = "AGCAM_TEST_RABBITMQ and AGCAM_TEST_MONGODB name no services")]
    public async Task Command_line_pauses_resumes_and_cancels_a_job_and_an_API_without_keys_logs_who_may_call()
    {
        using var folder = SomeImages.Folder(6);
        var (test, url) = ($"test-{Guid.NewGuid():N}", $"http://127.0.0.1:{ServingProcess.FreePort()}");
        var said = new System.Collections.Concurrent.ConcurrentQueue<string>();
        // Without a worker the job does not complete.
        using var api = Start(test, ["api", "--model", $"tiny={SomeImages.Model}", "--root", folder.Path, "--listen", url], said.Enqueue);
        await AnswersAsync(new Uri(url + "/health/live"), api);
        Assert.Contains(
            said,
            line => line.Contains($"No API keys are configured: only programs on this machine may call ({url}).", StringComparison.Ordinal)
        );
        Outcome Jobs(params string[] arguments) => Agcam.Run(["jobs", .. arguments], "", ("AGCAM_URL", url));

        var id = Agcam.Run(["submit", folder.Path], "", ("AGCAM_URL", url)).Lines.Single();
        foreach (
            var (verb, state) in (IEnumerable<(string, string)>)
                [("pause", "Paused"), ("resume", "Running"), ("pause", "Paused"), ("cancel", "Cancelled")]
        )
        {
            var changed = Jobs(verb, id);
            Assert.Equal(0, changed.Code);
            Assert.Matches($"^{id}  {state} ", changed.Lines.Single());
            Assert.Contains($"\"{state}\"", Jobs("show", id).Output, StringComparison.Ordinal);
            Assert.Contains(id[..8], Jobs("list", "--state", state.ToLowerInvariant()).Output, StringComparison.Ordinal);
        }
        Assert.Equal(2, Jobs("watch", id).Code); // it was cancelled
        var late = Jobs("resume", id);
        Assert.Equal(2, late.Code);
        Assert.Contains("cancelled", late.Errors, StringComparison.OrdinalIgnoreCase);
        foreach (var verb in (string[])["pause", "resume", "cancel"])
            Assert.Equal(2, Jobs(verb, Guid.NewGuid().ToString()).Code); // unknown job
        api.Kill(entireProcessTree: true);
    }

    [Fact(SkipUnless = nameof(ServicesAreThere), Skip = "AGCAM_TEST_RABBITMQ and AGCAM_TEST_MONGODB name no services")]
    public async Task Only_workers_export_device_metrics()
    {
        using var folder = SomeImages.Folder(1);
        var test = $"test-{Guid.NewGuid():N}";
        var ports = Enumerable.Range(0, 3).Select(_ => ServingProcess.FreePort()).ToArray();
        string[] common = ["--model", $"tiny={SomeImages.Model}", "--root", folder.Path];
        string At(int port) => $"http://127.0.0.1:{port}";
        using var api = Start(test, ["api", .. common, "--listen", At(ports[0]), "--metrics", At(ports[1])]);
        using var worker = Start(test, ["worker", .. common, "--device", "cpu", "--metrics", At(ports[2])]);
        using var client = new HttpClient();
        await AnswersAsync(new Uri(At(ports[2]) + "/metrics"), worker);
        await Eventually.TrueAsync(async () =>
            (await ScrapeAsync(ports[2])).Contains("agcam_device_busy_seconds_total", StringComparison.Ordinal)
        );

        await AnswersAsync(new Uri(At(ports[0]) + "/health/live"), api);
        var text = await ScrapeAsync(ports[1]);
        Assert.Contains("agcam_webhooks_total", text, StringComparison.Ordinal);
        Assert.DoesNotContain("agcam_device", text, StringComparison.Ordinal);
        Assert.DoesNotContain("agcam_images_inflight", text, StringComparison.Ordinal);
        foreach (var process in (Process[])[worker, api])
            process.Kill(entireProcessTree: true);

        async Task<string> ScrapeAsync(int port) =>
            await client.GetStringAsync(new Uri(At(port) + "/metrics"), TestContext.Current.CancellationToken);
    }

    internal static Process Start(string test, string[] arguments, Action<string>? receive = null)
    {
        var start = new ProcessStartInfo(AgcamProcess.Program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["Pipeline__Bus"] = Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ");
        start.Environment["Pipeline__Store"] = Environment.GetEnvironmentVariable("AGCAM_TEST_MONGODB");
        start.Environment["Pipeline__Prefix"] = test;
        start.Environment["Pipeline__Database"] = test;
        start.Environment["Api__DryRunPaceSeconds"] = "300"; // a busy machine starts a worker slowly
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, line) => receive?.Invoke(line.Data ?? ""); // a full pipe would block the process
        process.OutputDataReceived += (_, line) => receive?.Invoke(line.Data ?? "");
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return process;
    }

    internal static async Task AnswersAsync(Uri url, Process process)
    {
        using var client = new HttpClient();
        for (var attempt = 0; attempt < 240; attempt++)
        {
            Assert.False(process.HasExited, "agcam api ended before it answered.");
            try
            {
                if ((await client.GetAsync(url, TestContext.Current.CancellationToken)).IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await Task.Delay(500, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"{url} did not answer within two minutes.");
    }
}
