using System.Diagnostics;
using System.Text.Json;
using AgCam.Scenes;
using Xunit;

namespace AgCam.Cli.Tests.Evaluating;

/// <summary>Tests `agcam evaluate --url`, which runs the evaluation as a job of a server.</summary>
public class EvaluationJobTests
{
    private static readonly string[] What = ["--methods", "agcam,rollout,legrad,random", "--metrics", "all", "--batch", "3"];

    /// <summary>Six chunks of twelve images, each of almost a second.</summary>
    private static readonly string[] Long = ["--methods", "all", "--metrics", "all", "--batch", "2"];

    [Fact]
    public void Job_prints_and_writes_the_same_bytes_as_one_process()
    {
        using var folder = EvaluateTests.SomeDataset(11);
        File.WriteAllText(folder["zz-broken.png"], "not a picture");
        File.AppendAllText(
            folder["metadata.jsonl"],
            """{"file_name": "zz-broken.png", "label": "anchor", "objects": {"bbox": [[1, 5, 20, 25]]}}""" + "\n"
        );
        using var state = new TemporaryFolder();
        using var model = Named(state, "tiny");
        var local = AgcamProcess.Run([
            "evaluate",
            folder.Path,
            "--model",
            state["tiny"],
            "--json",
            "-q",
            .. Files(state, "local"),
            .. What,
        ]);
        Assert.Equal((0, ""), (local.Code, local.Errors));
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);

        var job = serving.Run([
            "evaluate",
            folder.Path,
            "--url",
            serving.Url.ToString(),
            "--key",
            "val",
            "--tag",
            "nightly",
            "--model",
            "tiny",
            "--json",
            "-q",
            .. Files(state, "job"),
            .. What,
        ]);

        Assert.True(job.Code == 0, job.Errors);
        Assert.Equal(local.Output, job.Output);
        foreach (var file in (string[])["rows", "csv"])
            Assert.Equal(File.ReadAllText(state[$"local.{file}"]), File.ReadAllText(state[$"job.{file}"]));
        Assert.Equal(
            Agcam.Run("evaluate", "--merge", state["local.rows"], "--json").Output,
            Agcam.Run("evaluate", "--merge", state["job.rows"], "--json").Output
        );

        // The same key is the same completed job, printed as a table.
        var again = serving.Run([
            "evaluate",
            folder.Path,
            "--url",
            serving.Url.ToString(),
            "--key",
            "val",
            "--tag",
            "nightly",
            .. What,
            "--model",
            "tiny",
        ]);
        Assert.True(again.Code == 0, again.Errors);
        Assert.Equal(Agcam.Run("evaluate", "--merge", state["local.rows"]).Output, again.Output);
        var listed = Assert.Single(serving.Run("jobs", "list", "--tag", "nightly", "--json").Rows);
        Assert.Equal(
            ("evaluation", "Completed", 12),
            (listed.GetProperty("kind").GetString(), listed.GetProperty("state").GetString(), listed.GetProperty("images").GetInt32())
        );
        Assert.Equal(
            (11, 1),
            (
                listed.GetProperty("progress").GetProperty("completed").GetInt32(),
                listed.GetProperty("progress").GetProperty("failed").GetInt32()
            )
        );
        var id = listed.GetProperty("id").GetString()!;
        Assert.Equal(
            "unsupported-format",
            Assert
                .Single(serving.Run("jobs", "export", id).Rows, row => row.GetProperty("status").GetString() == "Failed")
                .GetProperty("reason")
                .GetString()
        );

        var other = serving.Run(["evaluate", folder.Path, "--url", serving.Url.ToString(), "--key", "val", "--model", "tiny", .. What]);
        Assert.Equal(2, other.Code);
        Assert.Contains("was used for another job", other.Errors, StringComparison.Ordinal);
        Assert.Equal(0, serving.Run("jobs", "retry", id).Code);
        var child = serving.Run("jobs", "list", "--json", "--limit", "1").Rows.Single();
        Assert.Equal((id, "evaluation"), (child.GetProperty("parent").GetString(), child.GetProperty("kind").GetString()));
        Assert.Equal(3, serving.Run("jobs", "watch", child.GetProperty("id").GetString()!).Code); // the broken picture again
        Assert.Equal(0, serving.Run("jobs", "rm", id).Code);
        Assert.Equal(0, serving.Stop());
    }

    [Fact]
    public void Job_evaluates_averaging_models_as_one_process_does_and_explains_none()
    {
        using var folder = SomeImages.Folder(5);
        File.WriteAllLines(
            folder["metadata.jsonl"],
            Enumerable
                .Range(0, 5)
                .Select(i => $$$"""{"file_name": "{{{i:000}}}.png", "label": "{{{i}}}", "objects": {"bbox": [[{{{i}}}, 5, 20, 25]]}}""")
        );
        using var state = new TemporaryFolder();
        using var gap = AveragingModel.Write(normedAfterwards: true);
        using var dino = new SomeDinoV3();
        using var gapLink = Named(state, "gap", gap.Path);
        using var dinoLink = Named(state, "dino", dino.Path);
        using var serving = ServingProcess.Start(
            state["agcam.db"],
            folder.Path,
            "--model",
            $"gap={gap.Path}",
            "--model",
            $"dino={dino.Path}"
        );
        string[] what =
        [
            "--methods",
            "agcam-pooled,rollout,generic,last-layer,random,centre-box",
            "--metrics",
            "all",
            "--batch",
            "2",
            "--json",
            "-q",
        ];
        foreach (var name in (string[])["gap", "dino"])
        {
            var local = Agcam.Run(["evaluate", folder.Path, "--model", state[name], .. Files(state, name), .. what]);
            Assert.Equal((0, ""), (local.Code, local.Errors));
            var job = serving.Run([
                "evaluate",
                folder.Path,
                "--url",
                serving.Url.ToString(),
                "--model",
                name,
                .. Files(state, $"{name}.job"),
                .. what,
            ]);
            Assert.True(job.Code == 0, job.Errors);
            Assert.Equal(local.Output, job.Output);
            foreach (var file in (string[])["rows", "csv"])
                Assert.Equal(File.ReadAllText(state[$"{name}.{file}"]), File.ReadAllText(state[$"{name}.job.{file}"]));

            foreach (var where in new[] { ["--model", state[name]], (string[])["--model", name, "--url", serving.Url.ToString()] })
            {
                var mixed = Agcam.Run(["evaluate", folder.Path, .. where, "--methods", "rollout,legrad", "-q"]);
                Assert.Equal((2, ""), (mixed.Code, mixed.Output));
                Assert.Contains("legrad does not explain", mixed.Errors, StringComparison.Ordinal);
                Assert.Contains("Methods that do: agcam-pooled, rollout,", mixed.Errors, StringComparison.Ordinal);
            }
            var explain = serving.Run("submit", folder.Path, "--model", name);
            Assert.Equal(2, explain.Code);
            Assert.Contains("agcam does not explain", explain.Errors, StringComparison.Ordinal);
        }
        var pooled = serving.Run("evaluate", folder.Path, "--url", serving.Url.ToString(), "--model", "tiny", "--methods", "agcam-pooled");
        Assert.Contains("reads the class token", pooled.Errors, StringComparison.Ordinal);
        Assert.Equal(2, serving.Run("jobs", "list", "--json").Rows.Length); // a refused request creates no job
        Assert.Equal(0, serving.Stop());
    }

    [Fact]
    public void Page_of_a_job_equals_that_of_one_process_when_both_have_the_model()
    {
        using var state = new TemporaryFolder();
        string[] what = ["evaluate", "scenes", "--methods", "agcam,rollout", "--metrics", "localization,perturbation", "-q", "--html"];
        var local = AgcamProcess.Run([.. what, state["local.html"]]);
        Assert.Equal((0, ""), (local.Code, local.Errors));
        using var serving = ServingProcess.Start(state["agcam.db"], Shipped.Pictures, "--model", "scenes");

        var job = AgcamProcess.Run([.. what, state["job.html"], "--model", "scenes", "--url", serving.Url.ToString()]);

        Assert.True(job.Code == 0, job.Errors);
        Assert.Equal(File.ReadAllText(state["local.html"]), File.ReadAllText(state["job.html"]));
        Assert.Contains("data:image/png;base64,", File.ReadAllText(state["job.html"]), StringComparison.Ordinal);
        Assert.Equal(0, serving.Stop());
    }

    [Fact]
    public async Task Command_follows_its_job_through_kill_9_of_the_server()
    {
        using var folder = EvaluateTests.SomeDataset(12);
        using var state = new TemporaryFolder();
        using var model = Named(state, "tiny");
        string[] what = [.. Long, "--json"];
        var local = Agcam.Run(["evaluate", folder.Path, "--model", state["tiny"], "-q", .. what]);
        var listen = $"http://127.0.0.1:{ServingProcess.FreePort()}";
        Task<Outcome> job;
        using (var serving = ServingProcess.Start(state["agcam.db"], folder.Path, "--listen", listen))
        {
            job = Task.Run(() => Agcam.Run(["evaluate", folder.Path, "--url", listen, "--model", "tiny", "--key", "k", .. what]));
            Assert.InRange(await DoneAsync(serving.Url, 2), 2, 5);
            serving.KillAtOnce();
        }
        using var restarted = ServingProcess.Start(state["agcam.db"], folder.Path, "--listen", listen);

        var outcome = await job;

        Assert.True(outcome.Code == 0, outcome.Errors);
        Assert.Equal(local.Output, outcome.Output);
        Assert.Equal(0, restarted.Stop());
    }

    [Fact]
    public async Task Cancelled_job_ends_the_command_but_an_interrupted_command_does_not_end_the_job()
    {
        using var folder = EvaluateTests.SomeDataset(12);
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);
        string[] Evaluate(string key) =>
            ["evaluate", folder.Path, "--url", serving.Url.ToString(), "--model", "tiny", "--key", key, .. Long];

        var first = Task.Run(() => Agcam.Run(Evaluate("first")));
        await DoneAsync(serving.Url, 1);
        using var client = new HttpClient { BaseAddress = serving.Url };
        var id = (await NewestAsync(client))!.Value.GetProperty("id").GetString()!;
        Assert.True((await client.PostAsync($"/v1/jobs/{id}/cancel", null, TestContext.Current.CancellationToken)).IsSuccessStatusCode);
        var cancelled = await first;
        Assert.Equal(2, cancelled.Code);
        Assert.Contains($"Job {id} was cancelled: cancelled by request", cancelled.Errors, StringComparison.Ordinal);
        Assert.Empty(cancelled.Output);

        using (
            var command = Process.Start(
                new ProcessStartInfo(AgcamProcess.Program, Evaluate("second"))
                {
                    RedirectStandardError = true,
                    RedirectStandardOutput = true,
                }
            )!
        )
        {
            var text = await command.StandardError.ReadLineAsync(TestContext.Current.CancellationToken);
            Assert.Contains("--key second", text, StringComparison.Ordinal);
            await DoneAsync(serving.Url, 1);
            using var interrupt = Process.Start("kill", ["-TERM", $"{command.Id}"]);
            await command.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(130, command.ExitCode);
        }
        var again = Agcam.Run(Evaluate("second"));
        Assert.True(again.Code == 0, again.Errors);
        Assert.Contains("12 of 12 images evaluated", again.Output, StringComparison.Ordinal);
        Assert.Equal(2, serving.Run("jobs", "list", "--json").Rows.Length);
        Assert.Equal(0, serving.Stop());
    }

    [Trait("RabbitMQ", "whole")]
    [Fact(
        SkipUnless = nameof(BrokeredTests.ServicesAreThere),
        SkipType = typeof(BrokeredTests),
        Skip = "AGCAM_TEST_RABBITMQ and AGCAM_TEST_MONGODB name no services"
    )]
    public async Task Two_workers_give_the_result_of_one_process_when_one_is_killed()
    {
        using var folder = EvaluateTests.SomeDataset(12);
        using var state = new TemporaryFolder();
        using var model = Named(state, "tiny");
        string[] what = [.. Long, "--json", "-q"];
        var local = Agcam.Run(["evaluate", folder.Path, "--model", state["tiny"], .. what]);
        var url = $"http://127.0.0.1:{ServingProcess.FreePort()}";
        var test = $"test-{Guid.NewGuid():N}";
        string[] common = ["--model", $"tiny={SomeImages.Model}", "--root", folder.Path];
        using var api = BrokeredTests.Start(test, ["api", .. common, "--listen", url]);
        await BrokeredTests.AnswersAsync(new Uri(url + "/health/live"), api);
        using var item = BrokeredTests.Start(test, ["worker", .. common, "--device", "cpu"]);
        using var two = BrokeredTests.Start(test, ["worker", .. common, "--device", "cpu"]);

        var job = Task.Run(() => Agcam.Run(["evaluate", folder.Path, "--url", url, "--model", "tiny", "--key", test, .. what]));
        await DoneAsync(new Uri(url), 2);
        item.Kill(entireProcessTree: true);

        var outcome = await job;
        Assert.True(outcome.Code == 0, outcome.Errors);
        Assert.Equal(local.Output, outcome.Output);
        foreach (var process in (Process[])[two, api])
            process.Kill(entireProcessTree: true);
    }

    [Theory]
    [InlineData("--shard 1/2 --rows part.rows")]
    [InlineData("--heatmaps mine=maps.npz")]
    [InlineData("--preset agcam-aaai24")]
    [InlineData("--max-bytes 100")]
    [InlineData("--batch 300")]
    [InlineData("--device cpu")]
    [InlineData("--threads 2")]
    [InlineData("--mean 0.5,0.5,0.5")]
    public void Options_that_a_job_lacks_are_one_line_and_exit_2(string options)
    {
        using var state = new TemporaryFolder();
        File.WriteAllBytes(state["maps.npz"], [.. "PK"u8, 5, 6, .. new byte[18]]);
        var outcome = Agcam.Run([
            "evaluate",
            ".",
            "--url",
            "http://127.0.0.1:9",
            .. options.Replace("maps.npz", state["maps.npz"], StringComparison.Ordinal).Split(' '),
        ]);
        Assert.Equal(2, outcome.Code);
        Assert.StartsWith("agcam: --", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains(options.Split(' ')[0], outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("internal error", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(
            options.StartsWith("--heatmaps", StringComparison.Ordinal) || options.StartsWith("--preset", StringComparison.Ordinal),
            outcome.Errors.Contains("with --shard and then --merge", StringComparison.Ordinal)
        );
        Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Job_needs_a_server_that_responds_and_allows_the_dataset()
    {
        var refused = Agcam.Run("evaluate", ".", "--key", "k");
        Assert.Equal(2, refused.Code);
        Assert.Contains("--url", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(4, Agcam.Run("evaluate", ".", "--url", "http://127.0.0.1:9").Code);

        using var folder = SomeImages.Folder(1);
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);
        var elsewhere = Agcam.Run("evaluate", state.Path, "--url", serving.Url.ToString());
        Assert.Equal(2, elsewhere.Code);
        Assert.Contains("--root", elsewhere.Errors, StringComparison.Ordinal);
        Assert.Equal(0, serving.Stop());
    }

    [Fact]
    public void Rows_of_workers_with_other_settings_are_refused()
    {
        using var folder = EvaluateTests.SomeDataset(4);
        Assert.Equal(0, Agcam.Run("evaluate", folder.Path, "--model", SomeImages.Model, "--rows", folder["a.rows"], "-q").Code);
        var lines = File.ReadAllLines(folder["a.rows"]);
        File.WriteAllLines(folder["same.rows"], [lines[0], lines[1], lines[2], lines[0], .. lines[3..]]);
        File.WriteAllLines(
            folder["mixed.rows"],
            [lines[0], lines[1], lines[2], lines[0].Replace("\"cpu\"", "\"cuda\"", StringComparison.Ordinal), .. lines[3..]]
        );

        Assert.Equal(
            Agcam.Run("evaluate", "--merge", folder["a.rows"]).Output,
            Agcam.Run("evaluate", "--merge", folder["same.rows"]).Output
        );
        var mixed = Agcam.Run("evaluate", "--merge", folder["mixed.rows"]);
        Assert.Equal(2, mixed.Code);
        Assert.Contains("device cpu and cuda", mixed.Errors, StringComparison.Ordinal);
    }

    /// <summary>Names the model as the server does; results contain the name.</summary>
    private static IDisposable Named(TemporaryFolder state, string name, string? model = null)
    {
        Directory.CreateSymbolicLink(state[name], model ?? SomeImages.Model);
        return new Unlinked(state[name]);
    }

    private static string[] Files(TemporaryFolder state, string name) => ["--rows", state[$"{name}.rows"], "--csv", state[$"{name}.csv"]];

    /// <summary>Waits until the newest job runs and has completed a number of chunks.</summary>
    private static async Task<int> DoneAsync(Uri url, int chunks)
    {
        using var client = new HttpClient { BaseAddress = url };
        var done = 0;
        await Eventually.TrueAsync(
            async () =>
                await NewestAsync(client) is { } job
                && job.GetProperty("state").GetString() == "Running"
                && (done = job.GetProperty("progress").GetProperty("chunksDone").GetInt32()) >= chunks,
            async () => $"{await NewestAsync(client)}",
            seconds: 180
        );
        return done;
    }

    private static async Task<JsonElement?> NewestAsync(HttpClient client)
    {
        var jobs = JsonSerializer
            .Deserialize<JsonElement>(await client.GetStringAsync("/v1/jobs?limit=1", TestContext.Current.CancellationToken))
            .GetProperty("items");
        return jobs.GetArrayLength() == 0 ? null : jobs[0];
    }

    private sealed class Unlinked(string path) : IDisposable
    {
        public void Dispose() => File.Delete(path);
    }
}
