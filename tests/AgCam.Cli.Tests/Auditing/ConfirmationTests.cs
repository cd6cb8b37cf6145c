using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using AgCam.Images;
using Xunit;

namespace AgCam.Cli.Tests.Auditing;

/// <summary>
/// Tests `agcam audit --confirm` on 300 scenes with the shipped model. Two classes are candidates: fish, whose watermark the model learned,
/// and another whose objects have no fixed place.
/// </summary>
public sealed class ConfirmationTests(ConfirmationTests.Audited audited) : IClassFixture<ConfirmationTests.Audited>
{
    [Fact]
    public void Planted_watermark_is_confirmed_and_no_other_class()
    {
        var classes = Candidates(audited.Report).ToDictionary(found => Name(found), found => found);
        Assert.Equal(2, classes.Count);
        Assert.Equal(["fish"], classes.Values.Where(found => Text(found, "status") == "confirmed").Select(Name));
        Assert.Equal(1, classes.Values.Count(found => Text(found, "status") == "not-confirmed"));
        var fish = classes["fish"];
        Assert.Equal(24, fish.GetProperty("tested").GetInt32());
        Assert.True(Mean(fish, "flipRate") > 0.3, $"The flip rate is {Mean(fish, "flipRate")}.");
        Assert.InRange(Mean(fish, "control"), 0, 0.1);
        Assert.True(Mean(fish, "drop") > Mean(fish, "controlDrop") + 0.2);
        Assert.InRange(
            Mean(fish, "flipRate"),
            fish.GetProperty("flipRate").GetProperty("low").GetDouble(),
            fish.GetProperty("flipRate").GetProperty("high").GetDouble()
        );
    }

    [Fact]
    public void Gate_of_confirmed_classes_is_violated_in_text_json_and_metrics()
    {
        Assert.Equal(1, audited.Json.Code);
        var gate = audited.Report.GetProperty("gates")[0];
        Assert.Equal(
            ("confirmed", 1, true),
            (Text(gate, "unit"), gate.GetProperty("measured").GetInt32(), gate.GetProperty("violated").GetBoolean())
        );
        var metrics = JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Path.Combine(audited.Out, "metrics.json")));
        Assert.Equal(1, metrics.GetProperty("fixed-position.confirmed").GetInt32());
        Assert.Equal(1, metrics.GetProperty("fixed-position.not-confirmed").GetInt32());
        Assert.Equal(0, metrics.GetProperty("border.candidate").GetInt32());
    }

    [Fact]
    public void Pictures_of_each_candidate_are_named_and_written()
    {
        foreach (var found in Candidates(audited.Report))
        {
            var pictures = found.GetProperty("pictures").EnumerateArray().Select(picture => picture.GetString()!).ToList();
            Assert.Equal(3, pictures.Count);
            Assert.All(
                pictures,
                picture =>
                    Assert.StartsWith($"interventions/fixed-position-{Index(found)}-{Name(found)}-", picture, StringComparison.Ordinal)
            );
            Assert.All(
                pictures,
                picture => Assert.Equal(ImageFormat.Png, ImageFormats.Sniff(File.ReadAllBytes(Path.Combine(audited.Out, picture))))
            );
        }
    }

    [Fact]
    public void Repeated_audit_says_the_same_as_text_of_80_columns()
    {
        var text = AgcamProcess.Run([.. audited.Arguments, "--confirm", "24"]);
        Assert.Contains("fixed-position: 2 of 10 classes to review (20.0 %), 1 class confirmed", text.Output, StringComparison.Ordinal);
        var fish = Candidates(audited.Report).Single(found => Name(found) == "fish");
        var said = string.Create(
            CultureInfo.InvariantCulture,
            $"    confirmed: pasted into 24 images of other classes the patches flip {100 * Mean(fish, "flipRate"):0} % ("
        );
        Assert.Contains(said, text.Output, StringComparison.Ordinal);
        Assert.Contains("    not-confirmed: pasted into 24 images", text.Output, StringComparison.Ordinal);
        Assert.All(text.Lines, line => Assert.True(line.Length <= 80 || line.Contains(audited.Folder, StringComparison.Ordinal), line));
    }

    [Fact]
    public void Without_confirmation_classes_stay_candidates_and_the_gate_fails()
    {
        var outcome = AgcamProcess.Run([.. audited.Arguments, "--confirm", "0", "--fail-on", "fixed-position:confirmed"]);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("candidate: not tested on the model; --confirm 64 does it", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("Gate fixed-position has 2 untested candidates, so the gate fails", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Candidates_of_a_job_whose_images_are_gone_stay_candidates_with_the_reason()
    {
        using var moved = new TemporaryFolder();
        var scenes = Path.Combine(audited.Folder, "scenes");
        Directory.Move(scenes, moved["scenes"]);
        try
        {
            var outcome = AgcamProcess.Run("audit", audited.Job, "--store", audited.Store, "--findings", "fixed-position");
            Assert.Equal(0, outcome.Code);
            Assert.Contains("candidate: the original images cannot be read:", outcome.Output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Move(moved["scenes"], scenes);
        }
    }

    [Fact]
    public async Task Interrupted_test_of_candidates_leaves_no_files()
    {
        using var folder = new TemporaryFolder();
        string[] audit = [.. audited.Arguments, "--confirm", "1000", "--out", folder["out"]];
        var outcome = await AgcamProcess.RunWhileAsync(
            audit,
            async process =>
            {
                // The pictures of the first candidate exist; the second is being tested.
                await Eventually.TrueAsync(() => Task.FromResult(process.HasExited || Directory.Exists(folder["out/interventions"])));
                using var kill = Process.Start("kill", ["-INT", $"{process.Id}"]);
                await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
            }
        );
        Assert.Equal((130, ""), (outcome.Code, outcome.Output));
        Assert.EndsWith("agcam: stopped.", outcome.Errors.TrimEnd(), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder["out"], "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Job_of_a_pipeline_has_the_same_outcomes()
    {
        using var serving = ServingProcess.Start(
            audited.Store,
            audited.Folder,
            "--model",
            $"scenes={Repository.PathOf("src", "AgCam.Scenes", "Shipped", "model")}"
        );
        using var client = new HttpClient { BaseAddress = serving.Url };
        var jobs = await client.GetFromJsonAsync<JsonElement>("/v1/jobs", TestContext.Current.CancellationToken);
        var explained = jobs.GetProperty("items").EnumerateArray().Select(job => Text(job, "id")).Single(id => id.StartsWith(audited.Job));
        var response = await client.PostAsJsonAsync(
            "/v1/jobs",
            new
            {
                source = $"job:{explained}",
                audit = new
                {
                    findings = new[] { "fixed-position", "border" },
                    confirm = 24,
                    failOn = "fixed-position:confirmed",
                },
            },
            TestContext.Current.CancellationToken
        );
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var id = Text(await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken), "id");
        var job = await client.GetFromJsonAsync<JsonElement>($"/v1/jobs/{id}?wait=60", TestContext.Current.CancellationToken);
        Assert.True(Text(job, "state") == "Completed", job.ToString());
        var report = await client.GetFromJsonAsync<JsonElement>($"/v1/jobs/{id}/audit", TestContext.Current.CancellationToken);
        Assert.True(report.GetProperty("gates")[0].GetProperty("violated").GetBoolean());
        Assert.Equal(Outcomes(audited.Report), Outcomes(report));

        using var folder = new TemporaryFolder();
        string[] remote = ["audit", audited.Job, "--url", $"{serving.Url}", "--findings", "fixed-position", "--confirm", "24"];
        var outcome = Agcam.Run([.. remote, "--fail-on", "fixed-position:confirmed", "--out", folder["out"]]);
        Assert.True(outcome.Code == 1, outcome.Errors);
        Assert.Contains("  fish (confirmed)\n      ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("Gate fixed-position: 1 confirmed, limit 0: violated", outcome.Output, StringComparison.Ordinal);
        Assert.NotEmpty(File.ReadLines(folder["out/findings.jsonl"]));
        Assert.Equal(
            "fixed-position",
            Text(JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(folder["out/audit.json"])).GetProperty("findings")[0], "name")
        );

        static IEnumerable<(string, string, double)> Outcomes(JsonElement report) =>
            Candidates(report).Select(found => (Name(found), Text(found, "status"), Math.Round(Mean(found, "flipRate"), 6)));
    }

    private static IEnumerable<JsonElement> Candidates(JsonElement report) =>
        report
            .GetProperty("findings")
            .EnumerateArray()
            .Single(finding => Text(finding, "name") == "fixed-position")
            .GetProperty("classes")
            .EnumerateArray()
            .Where(found => found.TryGetProperty("status", out _));

    private static string Text(JsonElement element, string field) => element.GetProperty(field).GetString()!;

    private static string Name(JsonElement found) => Text(found.GetProperty("class"), "name");

    private static int Index(JsonElement found) => found.GetProperty("class").GetProperty("index").GetInt32();

    private static double Mean(JsonElement found, string field) => found.GetProperty(field).GetProperty("mean").GetDouble();

    /// <summary>The scenes and their audit with 24 images a candidate.</summary>
    public sealed class Audited : IDisposable
    {
        public Audited()
        {
            Folder = Directory.CreateTempSubdirectory("agcam-confirm-").FullName;
            Assert.Equal(0, Agcam.Run("scenes", "draw", Path.Combine(Folder, "scenes"), "--count", "300", "--seed", "8").Code);
            Json = AgcamProcess.Run([.. Arguments, "--confirm", "24", "--json", "--out", Out, "--fail-on", "fixed-position:confirmed"]);
            Report = JsonSerializer.Deserialize<JsonElement>(Json.Output);
            Job = AgcamProcess
                .Run([.. Arguments, "--confirm", "0"])
                .Lines.Single(line => line.StartsWith("The same audit again", StringComparison.Ordinal))
                .Split(' ')[^1];
        }

        public string Folder { get; }

        public string Store => Path.Combine(Folder, "store.db");

        public string Out => Path.Combine(Folder, "out");

        internal string[] Arguments =>
            ["audit", Path.Combine(Folder, "scenes", "metadata.jsonl"), "--store", Store, "--findings", "fixed-position,border"];

        internal Outcome Json { get; }

        public JsonElement Report { get; }

        public string Job { get; }

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}
