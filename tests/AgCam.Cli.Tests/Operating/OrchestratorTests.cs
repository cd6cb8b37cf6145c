using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace AgCam.Cli.Tests.Operating;

/// <summary>Tests a command as a step of a workflow: it can be repeated, survives a restart and reports its outcome.</summary>
public class OrchestratorTests
{
    [Fact]
    public void Same_key_follows_the_same_job_and_the_summary_has_the_outcome()
    {
        using var folder = SomeImages.Folder(4);
        using var state = new TemporaryFolder();
        File.WriteAllText(folder["broken.png"], "not a picture");
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);
        string[] step = ["submit", folder.Path, "--key", "nightly", "--wait", "--summary-file", state["end/summary.json"]];

        Assert.Equal(3, serving.Run(step).Code);
        var first = Summary(state["end/summary.json"]);
        Assert.Equal(
            (3, "Completed", 5, 4, 1),
            (
                Number(first, "exitCode"),
                first.GetProperty("state").GetString(),
                Number(first, "images"),
                Number(first, "completed"),
                Number(first, "failed")
            )
        );

        File.Delete(state["end/summary.json"]);
        Assert.Equal(0, serving.Run([.. step, "--max-failures", "1"]).Code);
        var second = Summary(state["end/summary.json"]);
        Assert.Equal((0, first.GetProperty("job").GetString()), (Number(second, "exitCode"), second.GetProperty("job").GetString()));

        var id = first.GetProperty("job").GetString()!;
        Assert.Equal(3, serving.Run("jobs", "watch", id, "--summary-file", state["watched.json"]).Code);
        Assert.Equal(first.ToString(), Summary(state["watched.json"]).ToString());
        Assert.Equal(["summary.json"], Directory.GetFiles(state["end"]).Select(Path.GetFileName)); // no temporary file remains
        Assert.Equal(2, serving.Run("submit", folder.Path, "--summary-file", state["x.json"]).Code); // needs --wait
    }

    [Fact]
    public async Task Step_survives_a_restart_of_the_server()
    {
        using var folder = SomeImages.Folder(400);
        using var state = new TemporaryFolder();
        var url = $"http://127.0.0.1:{ServingProcess.FreePort()}";
        Process step;
        using (var serving = ServingProcess.Start(state["agcam.db"], folder.Path, "--listen", url))
        {
            var start = new ProcessStartInfo(
                AgcamProcess.Program,
                ["submit", folder.Path, "--key", "long", "--wait", "--summary-file", state["end.json"]]
            )
            {
                RedirectStandardError = true,
            };
            start.Environment["AGCAM_URL"] = url;
            step = Process.Start(start)!;
            Assert.NotNull(await step.StandardError.ReadLineAsync(TestContext.Current.CancellationToken)); // it follows the job
            serving.KillAtOnce();
        }
        using (step)
        {
            using var again = ServingProcess.Start(state["agcam.db"], folder.Path, "--listen", url);
            await step.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await step.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, step.ExitCode);
            Assert.Equal(400, Number(Summary(state["end.json"]), "completed"));
        }
    }

    [Fact]
    public void Explain_writes_a_summary()
    {
        using var folder = SomeImages.Folder(3);
        File.WriteAllText(folder["broken.png"], "not a picture");
        using var state = new TemporaryFolder();
        var outcome = Agcam.Run(
            "explain",
            folder.Path,
            "--model",
            SomeImages.Model,
            "--device",
            "cpu",
            "--quiet",
            "--summary-file",
            state["end.json"]
        );
        var summary = Summary(state["end.json"]);
        Assert.Equal((3, 3, 3, 1), (outcome.Code, Number(summary, "exitCode"), Number(summary, "completed"), Number(summary, "failed")));
        Assert.Equal(1, summary.GetProperty("failures").EnumerateObject().Sum(reason => reason.Value.GetInt32()));
    }

    private static JsonElement Summary(string path) => JsonDocument.Parse(File.ReadAllText(path)).RootElement;

    private static int Number(JsonElement summary, string name) => summary.GetProperty(name).GetInt32();
}
