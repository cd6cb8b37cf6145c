using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using AgCam.Images;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>
/// Tests `agcam compare` with jobs of a server: 24 labelled scenes by two methods and by two models, a part of them, and other scenes.
/// </summary>
public sealed class CompareTests(CompareTests.Jobs jobs) : IClassFixture<CompareTests.Jobs>
{
    [Fact]
    public void Two_methods_agree_in_predictions_and_differ_in_maps()
    {
        var report = Json(jobs.Agcam, jobs.Rollout);
        Assert.Equal("paired", report.GetProperty("mode").GetString());
        Assert.Equal(24, report.GetProperty("images").GetProperty("shared").GetInt32());
        Assert.Equal(1, Metric(report, "prediction-agreement").GetProperty("value").GetProperty("mean").GetDouble());
        Assert.Equal(0, Metric(report, "negative-flip-rate").GetProperty("value").GetProperty("mean").GetDouble());
        var spearman = Metric(report, "spearman");
        var (mean, floor) = (spearman.GetProperty("value").GetProperty("mean").GetDouble(), spearman.GetProperty("baseline").GetDouble());
        Assert.InRange(mean, floor + 0.02, 0.9);
        Assert.Equal(24, spearman.GetProperty("count").GetInt32());
    }

    [Fact]
    public void Order_of_the_jobs_does_not_change_similarities()
    {
        var (report, swapped) = (Json(jobs.Agcam, jobs.Rollout), Json(jobs.Rollout, jobs.Agcam));
        Assert.Equal(Metric(report, "ssim").GetRawText(), Metric(swapped, "ssim").GetRawText());
    }

    [Fact]
    public void Text_fits_80_columns_and_names_what_was_not_measured()
    {
        var outcome = Run(jobs.Agcam, jobs.Rollout);
        Assert.Equal((0, ""), (outcome.Code, outcome.Errors));
        Assert.Contains("24 images in both", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("Not measured: sign-agreement", outcome.Output, StringComparison.Ordinal);
        Assert.All(outcome.Lines, line => Assert.True(line.Length <= 80 || line.Contains(jobs.Folder, StringComparison.Ordinal), line));
    }

    [Fact]
    public void Scale_goes_from_other_images_to_the_mirrored_image()
    {
        var report = Json(jobs.Agcam, jobs.Rollout, "--ceiling", "8");
        var (spearman, calibrated) = (Metric(report, "spearman"), Metric(report, "spearman.calibrated").GetProperty("value"));
        var (value, floor, ceiling) = (
            spearman.GetProperty("value").GetProperty("mean").GetDouble(),
            spearman.GetProperty("baseline").GetDouble(),
            spearman.GetProperty("ceiling").GetDouble()
        );
        Assert.InRange(ceiling, floor + 0.2, 1);
        Assert.Equal((value - floor) / (ceiling - floor), calibrated.GetProperty("mean").GetDouble(), 9);
        Assert.InRange(
            calibrated.GetProperty("mean").GetDouble(),
            calibrated.GetProperty("low").GetDouble(),
            calibrated.GetProperty("high").GetDouble()
        );
        Assert.Contains("8 images, the first ones by SHA-256", report.GetProperty("notes").GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_originals_raw_values_remain_and_calibrated_gates_fail_with_the_reason()
    {
        using var folder = new TemporaryFolder();
        var outcome = Run(jobs.Gone, jobs.GoneRollout, "--ceiling", "8", "--fail-on", "ssim.calibrated:0", "--out", folder["out"]);
        Assert.Equal(1, outcome.Code);
        Assert.Contains(
            "ssim.calibrated was not judged, so the gate fails: the originals cannot be read again",
            outcome.Output.ReplaceLineEndings(" "),
            StringComparison.Ordinal
        );
        Assert.Contains("\nssim  ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("The maps that differ most", File.ReadAllText(folder["out/report.html"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_model_there_is_no_ceiling()
    {
        var outcome = AgcamProcess.Run("compare", jobs.Agcam, jobs.Rollout, "--store", jobs.Store, "--model", $"tiny={SomeImages.Model}");
        Assert.Equal(0, outcome.Code);
        Assert.Contains("is not named: --model scenes=FOLDER", outcome.Output.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public void Report_is_one_page_with_both_maps_of_the_images_that_changed_most()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(0, Run(jobs.Agcam, jobs.Tiny, "--ceiling", "2", "--out", folder["out"]).Code);
        var page = XDocument.Parse(Regex.Replace(File.ReadAllText(folder["out/report.html"]), "<(!doctype|meta|img)[^>]*>", ""));
        Assert.Equal("Two jobs, compared", page.Descendants("h1").Single().Value);
        Assert.Equal(8, page.Descendants("figcaption").Count());
        Assert.DoesNotContain("http://", File.ReadAllText(folder["out/report.html"]), StringComparison.Ordinal);
        var png = Convert.FromBase64String(Regex.Match(File.ReadAllText(folder["out/report.html"]), "base64,([^\"]+)").Groups[1].Value);
        var strip = ImageDecoder.Decode(png, ImageLimits.Default);
        Assert.True(strip.Width > 3 * 192, "input, A's map and B's map stand side by side");
    }

    [Fact]
    public void Models_that_differ_in_classes_and_grids_are_compared_where_they_can_be()
    {
        var report = Json(jobs.Agcam, jobs.Tiny);
        var notes = string.Join('\n', report.GetProperty("notes").EnumerateArray().Select(note => note.GetString()));
        Assert.Contains("The models differ in classes.", notes, StringComparison.Ordinal);
        Assert.Contains("24 pairs have maps of different grids or crops", notes, StringComparison.Ordinal);
        Assert.Contains("24 pairs have a prediction without a partner class", notes, StringComparison.Ordinal);
        Assert.Equal(24, Metric(report, "spearman").GetProperty("count").GetInt32());
        Assert.Equal(JsonValueKind.Null, Metric(report, "prediction-agreement").GetProperty("value").ValueKind);
        Assert.Equal(JsonValueKind.Null, Metric(report, "accuracy").GetProperty("value").ValueKind);
    }

    [Fact]
    public void Partial_overlap_is_counted()
    {
        var images = Json(jobs.Agcam, jobs.Part).GetProperty("images");
        Assert.Equal(
            (10, 14, 0),
            (images.GetProperty("shared").GetInt32(), images.GetProperty("onlyA").GetInt32(), images.GetProperty("onlyB").GetInt32())
        );
    }

    [Fact]
    public void Labels_of_one_job_judge_both()
    {
        // The part is a folder without labels.
        Assert.Equal(10, Metric(Json(jobs.Agcam, jobs.Part), "accuracy").GetProperty("count").GetInt32());
    }

    [Fact]
    public void Copies_and_other_labels_of_the_second_job_are_left_out_and_said()
    {
        var report = Json(jobs.Agcam, jobs.Relabelled);
        var notes = string.Join('\n', report.GetProperty("notes").EnumerateArray().Select(note => note.GetString()));
        Assert.Contains("0 images of A and 1 of B are copies of another one: left out.", notes, StringComparison.Ordinal);
        Assert.Contains("1 pairs have different labels in the two jobs", notes, StringComparison.Ordinal);
        Assert.Equal(24, report.GetProperty("images").GetProperty("shared").GetInt32());
        Assert.Equal(23, Metric(report, "accuracy").GetProperty("count").GetInt32());
    }

    [Fact]
    public void One_model_on_other_images_of_the_same_kind_has_not_drifted()
    {
        var report = Json(jobs.Rollout, jobs.Second);
        Assert.Equal("drift", report.GetProperty("mode").GetString());
        Assert.Equal(0, report.GetProperty("images").GetProperty("shared").GetInt32());
        var drift = Metric(report, "embedding-drift");
        Assert.InRange(drift.GetProperty("value").GetProperty("mean").GetDouble(), -0.1, drift.GetProperty("byChance").GetDouble());
        Assert.InRange(drift.GetProperty("pValue").GetDouble(), 0.05, 1);
        Assert.Equal(24, Metric(report, "accuracy").GetProperty("count").GetInt32());
    }

    [Fact]
    public void Images_of_two_classes_only_are_drift_which_a_gate_finds()
    {
        using var folder = new TemporaryFolder();
        var outcome = Run(jobs.Rollout, jobs.TwoClasses, "--fail-on", "prediction-drift:0.05", "--out", folder["out"]);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("prediction-drift: more than by chance, p 0.001", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("Gate violated: prediction-drift is ", outcome.Output, StringComparison.Ordinal);
        Assert.All(outcome.Lines, line => Assert.True(line.Length <= 80 || line.Contains(folder.Path, StringComparison.Ordinal), line));
        Assert.Contains("<h1>Drift between two jobs</h1>", File.ReadAllText(folder["out/report.html"]), StringComparison.Ordinal);
        Assert.False(File.Exists(folder["out/images.csv"]));
    }

    [Theory]
    [InlineData("--fail-on", "spearman:0.5", "names no metric of this comparison. Metrics: embedding-drift")]
    [InlineData("--ceiling", "4", "--ceiling does not go with two jobs of one model and method")]
    public void Option_that_does_not_fit_a_drift_is_refused(string option, string value, string message)
    {
        var outcome = AgcamProcess.Run("compare", jobs.Rollout, jobs.Second, "--store", jobs.Store, option, value);
        Assert.Equal((2, ""), (outcome.Code, outcome.Output));
        Assert.Contains(message, outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Disjoint_images_are_one_line_with_exit_code_2()
    {
        var outcome = Run(jobs.Agcam, jobs.Other);
        Assert.Equal((2, ""), (outcome.Code, outcome.Output));
        Assert.Contains("have no image in common", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void One_job_is_not_compared_with_itself()
    {
        var outcome = AgcamProcess.Run("compare", jobs.Agcam, jobs.Agcam[..12], "--store", jobs.Store);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("are one job", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_job_is_one_line_with_exit_code_2()
    {
        var outcome = Run(jobs.Agcam, "ffffffff");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("\"ffffffff\" is the id or the beginning of the id of no job", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Violated_gate_ends_with_exit_code_1_in_text_json_and_junit()
    {
        using var folder = new TemporaryFolder();
        var outcome = Run(jobs.Agcam, jobs.Rollout, "--fail-on", "spearman:0.9,prediction-agreement:0.8", "--out", folder["out"]);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("Gate violated: spearman is ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("Gate passed: prediction-agreement is 1 ", outcome.Output, StringComparison.Ordinal);
        var junit = XDocument.Load(folder["out/junit.xml"]).Root!.Element("testsuite")!;
        Assert.Equal(("2", "1"), (junit.Attribute("tests")!.Value, junit.Attribute("failures")!.Value));
        using var json = JsonDocument.Parse(File.ReadAllText(folder["out/compare.json"]));
        Assert.Equal(
            [true, false],
            json.RootElement.GetProperty("gates").EnumerateArray().Select(gate => gate.GetProperty("violated").GetBoolean())
        );
        Assert.Equal(25, File.ReadAllLines(folder["out/images.csv"]).Length);
        using var metrics = JsonDocument.Parse(File.ReadAllText(folder["out/metrics.json"]));
        Assert.Equal(1, metrics.RootElement.GetProperty("prediction-agreement").GetDouble());
    }

    private JsonElement Json(string a, string b, params string[] more)
    {
        var outcome = Run(a, b, ["--json", .. more]);
        Assert.Equal(0, outcome.Code);
        return JsonSerializer.Deserialize<JsonElement>(outcome.Output);
    }

    private static JsonElement Metric(JsonElement report, string name) =>
        report.GetProperty("metrics").EnumerateArray().Single(metric => metric.GetProperty("name").GetString() == name);

    private Outcome Run(string a, string b, params string[] more) =>
        AgcamProcess.Run([
            "compare",
            a,
            b,
            "--store",
            jobs.Store,
            "--model",
            "scenes",
            "--model",
            $"tiny={SomeImages.Model}",
            "--device",
            "cpu",
            .. more.Contains("--ceiling") || jobs.IsDrift(a, b) ? more : [.. more, "--ceiling", "0"],
        ]);

    /// <summary>The jobs in one store.</summary>
    public sealed class Jobs : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Jobs()
        {
            Draw("scenes", count: 24, seed: 7);
            Draw("other", count: 3, seed: 8);
            Directory.CreateDirectory(_folder["part"]);
            foreach (var file in Directory.GetFiles(_folder["scenes"], "*.png").Order(StringComparer.Ordinal).Take(10))
                File.Copy(file, Path.Combine(_folder["part"], Path.GetFileName(file)));
            using var server = ServingProcess.Start(Store, _folder.Path, "--model", "scenes");
            var manifest = $"manifest:{_folder["scenes/metadata.jsonl"]}";
            Agcam = Submit(server, manifest, "scenes", "agcam");
            Rollout = Submit(server, manifest, "scenes", "rollout");
            Tiny = Submit(server, manifest, "tiny", "agcam");
            Relabelled = Submit(server, $"manifest:{Relabel()}", "scenes", "rollout");
            Part = Submit(server, _folder["part"], "scenes", "rollout");
            Other = Submit(server, _folder["other"], "scenes", "rollout");
            Draw("second", count: 24, seed: 11);
            Second = Submit(server, $"manifest:{_folder["second/metadata.jsonl"]}", "scenes", "rollout");
            Draw("two", count: 60, seed: 12);
            foreach (var file in Directory.GetFiles(_folder["two"], "*.png").Where(file => !Regex.IsMatch(file, "-(ring|star)")))
                File.Delete(file);
            TwoClasses = Submit(server, _folder["two"], "scenes", "rollout");
            Draw("gone", count: 4, seed: 9);
            Gone = Submit(server, _folder["gone"], "scenes", "agcam");
            GoneRollout = Submit(server, _folder["gone"], "scenes", "rollout");
            Directory.Delete(_folder["gone"], recursive: true);
            Assert.Equal(0, server.Stop());
        }

        public string Folder => _folder.Path;

        public string Store => _folder["store.db"];

        public string Agcam { get; }

        public string Rollout { get; }

        public string Tiny { get; }

        /// <summary>Job of the scenes where one has another label and one a copy.</summary>
        public string Relabelled { get; }

        /// <summary>Job of ten of the scenes, without labels.</summary>
        public string Part { get; }

        /// <summary>Job of none of the scenes.</summary>
        public string Other { get; }

        /// <summary>Job of other scenes of all classes.</summary>
        public string Second { get; }

        /// <summary>Job of scenes of two classes.</summary>
        public string TwoClasses { get; }

        /// <summary>Jobs of images that were deleted.</summary>
        public string Gone { get; }

        public string GoneRollout { get; }

        public bool IsDrift(string a, string b) => a == Rollout && (b == Second || b == TwoClasses);

        public void Dispose() => _folder.Dispose();

        private string Relabel()
        {
            string[] files = [.. Directory.GetFiles(_folder["scenes"], "*.png").Order(StringComparer.Ordinal)];
            File.Copy(files[1], _folder["copy.png"]);
            var rows = files.Select((file, number) => $"{file},{(number == 0 ? "heart" : Path.GetFileName(file).Split('-', '.')[1])}");
            File.WriteAllLines(_folder["relabelled.csv"], ["path,label", .. rows, $"{_folder["copy.png"]},ring"]);
            return _folder["relabelled.csv"];
        }

        private void Draw(string name, int count, int seed) =>
            Assert.Equal(0, AgcamProcess.Run("scenes", "draw", _folder[name], "--count", $"{count}", "--seed", $"{seed}").Code);

        private static string Submit(ServingProcess server, string source, string model, string method)
        {
            var outcome = server.Run("submit", source, "--model", model, "--method", method, "--wait", "--json");
            Assert.True(outcome.Code == 0, outcome.Errors);
            return JsonSerializer.Deserialize<JsonElement>(outcome.Lines[^1]).GetProperty("id").GetString()!;
        }
    }
}
