using System.Text.Json;
using Microsoft.Data.Sqlite;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>Tests agcam serve and the verbs of its clients.</summary>
public class ServeTests
{
    [Fact]
    public void Images_and_folders_are_submitted_and_followed_to_completion()
    {
        using var folder = SomeImages.Folder(6);
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);

        var sent = serving.Run("submit", folder["000.png"], folder["001.png"], "--wait", "--json");
        Assert.Equal(0, sent.Code);
        Assert.Equal([folder["000.png"], folder["001.png"]], sent.Rows.Select(row => row.GetProperty("path").GetString()));
        Assert.All(sent.Rows, row => Assert.Equal("Completed", row.GetProperty("state").GetString()));

        File.WriteAllText(folder["broken.png"], "not a picture");
        var job = serving.Run("submit", folder.Path, "--tag", "all", "--wait", "--json");
        Assert.Equal(3, job.Code);
        var progress = job.Rows.Single().GetProperty("progress");
        Assert.Equal((6, 1), (progress.GetProperty("completed").GetInt32(), progress.GetProperty("failed").GetInt32()));
        var id = job.Rows.Single().GetProperty("id").GetString()!;

        var list = serving.Run("jobs", "list", "--tag", "all").Lines;
        Assert.StartsWith($"{id[..13]}  ", list[1], StringComparison.Ordinal);
        Assert.EndsWith($"folder:{folder.Path}", list[1], StringComparison.Ordinal);
        Assert.Contains("6 of 7, 1 failed", list[2], StringComparison.Ordinal);
        Assert.EndsWith("tiny, all", list[2], StringComparison.Ordinal);
        Assert.Matches(@"^\d{4}-\d\d-\d\d \d\d:\d\d ", list[2]);
        Assert.Empty(serving.Run("jobs", "list", "--tag", "none").Output);
        Assert.Equal(id, JsonDocument.Parse(serving.Run("jobs", "show", id).Output).RootElement.GetProperty("id").GetString());
        Assert.Equal(0, serving.Run("jobs", "watch", id, "--max-failures", "1").Code);
        var watched = serving.Run("jobs", "watch", id[..8]);
        Assert.Equal(3, watched.Code);
        Assert.Contains("6 explained, 1 failed: 1 ", watched.Output, StringComparison.Ordinal);
        Assert.Contains("No job has an id that begins with", serving.Run("jobs", "show", Other(id)).Errors, StringComparison.Ordinal);
        var table = Path.GetRelativePath(Environment.CurrentDirectory, folder["images.csv"]);
        File.WriteAllText(table, "path\n000.png\n");
        Assert.Equal(0, serving.Run("submit", $"manifest:{table}", "--wait").Code);
        File.Delete(table);
        Assert.Equal(7, serving.Run("jobs", "export", id).Rows.Length);
        Assert.Equal(0, serving.Run("jobs", "export", id, "--format", "csv", "--out", state["items.csv"]).Code);
        Assert.Equal(8, File.ReadAllLines(state["items.csv"]).Length);

        SomeImages.Write(folder, "broken.png", 77);
        Assert.Equal(0, serving.Run("jobs", "retry", id).Code);
        var child = serving.Run("jobs", "list", "--json", "--limit", "1").Rows.Single().GetProperty("id").GetString()!;
        Assert.Equal(0, serving.Run("jobs", "watch", child).Code);

        Assert.Equal(0, serving.Run("jobs", "rm", id).Code);
        var gone = serving.Run("jobs", "show", id);
        Assert.Equal(2, gone.Code);
        Assert.Contains(id, gone.Errors, StringComparison.Ordinal);

        string[] ended = ["jobs", "rm", "--tag", "all", "--older-than", "0d"];
        const string item = "1 jobs with 1 images would be deleted";
        bool IsOne() => serving.Run([.. ended, "--dry-run"]).Output.StartsWith(item, StringComparison.Ordinal);
        for (var until = DateTime.UtcNow.AddSeconds(30); !IsOne(); )
            Assert.True(DateTime.UtcNow < until); // completion is not published yet
        var refused = serving.Run(ended);
        Assert.Equal(2, refused.Code);
        Assert.Contains($"{item}, with all their items. Give --yes to delete them.", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(0, serving.Run("jobs", "show", child).Code);
        var young = serving.Run("jobs", "rm", "--tag", "all", "--older-than", "1d", "--yes");
        Assert.Equal("0 jobs with 0 images deleted.", young.Output.Trim());
        Assert.Equal("1 jobs with 1 images deleted.", serving.Run([.. ended, "--yes"]).Output.Trim());
        Assert.Equal(2, serving.Run("jobs", "show", child).Code);
        Assert.Equal(0, serving.Stop());
        Assert.Contains("No API keys are configured: only programs on this machine may call.", serving.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Items_and_failures_of_a_job_are_listed()
    {
        using var folder = new TemporaryFolder();
        for (var i = 0; i < 3; i++)
            SomeImages.Write(folder, $"in/{(i == 2 ? "purple" : $"{i + 3}")}/{i}.png", i);
        File.WriteAllText(folder["in/3/broken.png"], "not a picture");
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(state["agcam.db"], folder["in"]);
        var job = serving.Run("submit", $"classes:{folder["in"]}", "--wait", "--json");
        var id = job.Rows.Single().GetProperty("id").GetString()![..13];

        var table = serving.Run("jobs", "items", id);
        Assert.Equal(0, table.Code);
        Assert.Equal(5, table.Lines.Length);
        Assert.Matches("^NUMBER  PREDICTED +LABEL +IMAGE$", table.Lines[0]);
        Assert.Matches($@"^0 +.+% +3 .*\((correct|wrong)\) +{folder["in/3/0.png"]}$", table.Lines[1]);
        Assert.Contains("purple (no class)", table.Output, StringComparison.Ordinal);
        Assert.Contains("FAILED unsupported-format", table.Output, StringComparison.Ordinal);

        var sorted = serving.Run("jobs", "items", id, "--sort", "labelProbability", "--json").Rows;
        Assert.Equal(2, sorted.Length); // the other images have no class or no result
        Assert.True(sorted[0].GetProperty("labelProbability").GetDouble() <= sorted[1].GetProperty("labelProbability").GetDouble());
        var reversed = serving.Run("jobs", "items", id, "--sort", "labelProbability", "--descending", "--json").Rows;
        Assert.Equal(Numbers(sorted).Reverse(), Numbers(reversed));
        Assert.Equal(2, serving.Run("jobs", "items", id, "--descending").Code);
        Assert.Equal(
            "purple",
            serving.Run("jobs", "items", id, "--label", "purple", "--json").Rows.Single().GetProperty("label").GetString()
        );
        var first = serving.Run("jobs", "items", id, "--limit", "3", "--json");
        var cursor = first.Errors[(first.Errors.IndexOf("--cursor ", StringComparison.Ordinal) + "--cursor ".Length)..].Trim();
        var rest = serving.Run("jobs", "items", id, "--limit", "3", "--cursor", cursor, "--json");
        Assert.Equal([0, 1, 2, 3], Numbers([.. first.Rows, .. rest.Rows]));
        Assert.Empty(rest.Errors);

        var failures = serving.Run("jobs", "failures", id);
        Assert.Equal(0, failures.Code);
        Assert.Equal("1       unsupported-format", failures.Lines[1]);
        Assert.EndsWith(folder["in/3/broken.png"], failures.Lines[3], StringComparison.Ordinal);
        var summary = serving.Run("jobs", "failures", id, "--json").Rows.Single();
        Assert.Equal(1, summary.GetProperty("failed").GetInt32());
        Assert.Equal(1, summary.GetProperty("reasons").GetProperty("unsupported-format").GetInt32());
        Assert.Equal($"{folder["in/3/broken.png"]}", summary.GetProperty("items")[0].GetProperty("uri").GetString());
        Assert.Equal(0, serving.Stop());

        static IEnumerable<int> Numbers(JsonElement[] rows) => rows.Select(row => row.GetProperty("number").GetInt32());
    }

    /// <summary>Eight digits with which no job's id begins.</summary>
    private static string Other(string id) => (id[0] == 'f' ? '0' : 'f') + "7e3a915";

    [Fact]
    public void Job_that_can_never_run_is_not_offered_a_resume()
    {
        using var folder = SomeImages.Folder(1);
        using var state = new TemporaryFolder();
        string id;
        using (var before = ServingProcess.Start(state["agcam.db"], folder.Path))
        {
            id = before.Run("submit", folder.Path, "--wait", "--json").Rows.Last().GetProperty("id").GetString()!;
            Assert.Equal(0, before.Stop());
        }
        // A request is checked when it is made, so only a model that is replaced later makes such a job.
        using (var database = new SqliteConnection($"Data Source={state["agcam.db"]};Pooling=False"))
        {
            database.Open();
            using var pause = database.CreateCommand();
            pause.CommandText = "UPDATE jobs SET state = 1, finished = NULL, reason = 'no-such-target: The model has no such class.'";
            Assert.Equal(1, pause.ExecuteNonQuery());
        }

        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);
        var job = serving.Run("jobs", "watch", id);
        Assert.Contains("no-such-target", job.Errors, StringComparison.Ordinal);
        Assert.Contains("It can never run", job.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("jobs resume", job.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Dry_run_describes_the_job_and_a_manifest_may_name_its_columns()
    {
        using var folder = SomeImages.Folder(5);
        using var state = new TemporaryFolder();
        File.WriteAllText(folder["broken.png"], "not a picture");
        File.WriteAllText(folder["m.csv"], "where,truth\n000.png,0\n001.png,nothing like it\n");
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);

        var report = serving.Run("submit", folder.Path, "--dry-run", "--json").Rows.Single();
        Assert.Equal((6, 5), (report.GetProperty("images").GetInt32(), report.GetProperty("readable").GetInt32()));
        Assert.Equal("sample", report.GetProperty("paceFrom").GetString()); // no explanations are stored yet
        Assert.True(report.GetProperty("hours").GetDouble() > 0);
        Assert.Empty(serving.Run("jobs", "list", "--json").Rows);
        var lines = serving
            .Run("submit", $"manifest:{folder["m.csv"]}", "--option", "column.path=where", "--option", "column.label=truth", "--dry-run")
            .Lines;
        Assert.Contains("2 images", lines[0], StringComparison.Ordinal);
        Assert.Contains("1 of 2 are classes of the model; not \"nothing like it\"", lines[2], StringComparison.Ordinal);
        Assert.Contains("unknown. The images of the sample are explained already", lines[3], StringComparison.Ordinal);
        Assert.Equal(2, serving.Run("submit", folder["000.png"], "--dry-run").Code);

        var job = serving
            .Run("submit", $"manifest:{folder["m.csv"]}", "--option", "column.path=where", "--rehash", "--wait", "--json")
            .Rows.Single();
        Assert.Equal("true", job.GetProperty("options").GetProperty("rehash").GetString());
        Assert.Equal(2, job.GetProperty("progress").GetProperty("completed").GetInt32());
        Assert.Equal(
            "history",
            serving.Run("submit", folder.Path, "--dry-run", "--json").Rows.Single().GetProperty("paceFrom").GetString()
        );
        Assert.Equal(0, serving.Stop());
    }

    [Fact]
    public void Job_may_have_its_own_share_lane_limit_and_method()
    {
        using var folder = SomeImages.Folder(1);
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);

        var job = serving
            .Run(
                "submit",
                folder.Path,
                "--method",
                "rollout",
                "--dtype",
                "bfloat16",
                "--no-embedding",
                "--lane",
                "interactive",
                "--weight",
                "3",
                "--max-failure-rate",
                "0.25",
                "--json"
            )
            .Rows.Single();
        Assert.Equal(
            ("rollout", "bfloat16", "Interactive"),
            (job.GetProperty("method").GetString(), job.GetProperty("dtype").GetString(), job.GetProperty("lane").GetString())
        );
        Assert.Equal((3, 0.25), (job.GetProperty("weight").GetInt32(), job.GetProperty("maxFailureRate").GetDouble()));
        Assert.False(job.GetProperty("embedding").GetBoolean());
        var plain = serving.Run("submit", folder.Path, "--json").Rows.Single();
        Assert.True(plain.GetProperty("embedding").GetBoolean());
        Assert.Equal(
            ("Bulk", 1, 1.0),
            (plain.GetProperty("lane").GetString(), plain.GetProperty("weight").GetInt32(), plain.GetProperty("maxFailureRate").GetDouble())
        );

        var refused = serving.Run("submit", folder.Path, "--max-failure-rate", "2");
        Assert.Equal(2, refused.Code);
        Assert.Contains("maxFailureRate", refused.Errors, StringComparison.Ordinal);
        var image = serving.Run("submit", folder["000.png"], "--no-embedding", "--wait", "--json").Rows.Single();
        Assert.False(image.GetProperty("explanation").TryGetProperty("embedding", out _));
        var unknown = serving.Run("submit", folder["000.png"], "--method", "other", "--wait");
        Assert.Equal(2, unknown.Code);
        Assert.Contains("\"other\" is no attribution method. Take one of agcam, ", unknown.Errors, StringComparison.Ordinal);
        Assert.Equal(0, serving.Stop());
    }

    [Fact]
    public void Accepted_work_is_finished_after_kill_9_and_a_restart()
    {
        using var folder = SomeImages.Folder(150);
        using var state = new TemporaryFolder();
        string id;
        using (var serving = ServingProcess.Start(state["agcam.db"], folder.Path))
        {
            var submitted = serving.Run("submit", folder.Path, "--key", "once");
            Assert.Equal(0, submitted.Code);
            id = submitted.Lines.Single();
            serving.KillAtOnce();
        }
        using var again = ServingProcess.Start(state["agcam.db"], folder.Path);
        Assert.Equal(id, again.Run("submit", folder.Path, "--key", "once").Lines.Single());
        Assert.Equal(0, again.Run("jobs", "watch", id).Code);
        var rows = again.Run("jobs", "export", id).Rows;
        Assert.Equal(Enumerable.Range(0, 150), rows.Select(row => row.GetProperty("number").GetInt32()));
        Assert.All(rows, row => Assert.Equal("Completed", row.GetProperty("status").GetString()));
    }

    [Fact]
    public void Job_survives_kills_at_any_moment_with_one_record_per_image()
    {
        using var folder = SomeImages.Folder(400);
        using var state = new TemporaryFolder();
        var random = new Random(5);
        string? id = null;
        for (var kill = 0; kill < 4; kill++)
        {
            using var serving = ServingProcess.Start(state["agcam.db"], folder.Path);
            var submitted = serving.Run("submit", folder.Path, "--key", "once");
            Assert.Equal(0, submitted.Code);
            Assert.Equal(id ??= submitted.Lines.Single(), submitted.Lines.Single());
            Thread.Sleep(random.Next(0, 400));
            serving.KillAtOnce();
        }
        using var last = ServingProcess.Start(state["agcam.db"], folder.Path);
        Assert.Equal(0, last.Run("jobs", "watch", id!).Code);
        var rows = last.Run("jobs", "export", id!).Rows;
        Assert.Equal(Enumerable.Range(0, 400), rows.Select(row => row.GetProperty("number").GetInt32()));
        Assert.Equal(400, rows.Select(row => row.GetProperty("uri").GetString()).Distinct().Count());
        Assert.All(rows, row => Assert.Equal("Completed", row.GetProperty("status").GetString()));
        var progress = JsonDocument.Parse(last.Run("jobs", "show", id!).Output).RootElement.GetProperty("progress");
        Assert.Equal((400, 0), (progress.GetProperty("completed").GetInt32(), progress.GetProperty("failed").GetInt32()));
    }

    [Theory]
    [InlineData("submit FILE")]
    [InlineData("jobs list")]
    [InlineData("jobs watch 0198c0de-0000-7000-8000-000000000000")]
    public void Unreachable_server_is_exit_4(string line)
    {
        using var folder = SomeImages.Folder(1);
        var outcome = Agcam.Run(
            line.Replace("FILE", folder["000.png"], StringComparison.Ordinal).Split(' '),
            "",
            ("AGCAM_URL", "http://127.0.0.1:9")
        );
        Assert.Equal(4, outcome.Code);
        Assert.Contains("agcam serve", outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("serve --model nowhere")]
    [InlineData("serve --model MODEL --listen http://0.0.0.0:8080")]
    [InlineData("serve --model MODEL --root /nowhere/at/all")]
    [InlineData("api --model MODEL")]
    [InlineData("worker --model MODEL")]
    [InlineData("submit nowhere.png")]
    [InlineData("jobs list --url ftp://x")]
    public void Invalid_serve_options_are_one_line_and_exit_2(string line)
    {
        using var state = new TemporaryFolder();
        var arguments = line.Replace("MODEL", SomeImages.Model, StringComparison.Ordinal).Split(' ');
        var outcome = Agcam.Run(arguments[0] == "serve" ? [.. arguments, "--store", state["agcam.db"]] : arguments);
        Assert.Equal(2, outcome.Code);
        Assert.StartsWith("agcam: ", outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("internal error", outcome.Errors, StringComparison.Ordinal);
        Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void New_key_goes_to_stdout_and_its_digest_to_stderr()
    {
        var outcome = Agcam.Run("api", "--new-key", "anna", "--scope", "read");
        Assert.Equal(0, outcome.Code);
        var key = outcome.Lines.Single();
        Assert.StartsWith("agcam_", key, StringComparison.Ordinal);
        Assert.Contains($"Sha256={Digest.Of(System.Text.Encoding.UTF8.GetBytes(key))}", outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(key, outcome.Errors, StringComparison.Ordinal);
    }
}
