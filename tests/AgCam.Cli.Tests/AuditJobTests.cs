using System.Net;
using System.Text.Json;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Sqlite;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>
/// Tests `agcam audit` of a manifest with the shipped model: of 30 scenes one is labelled wrong, and one is copied into another split. One
/// more image is black, and one file is no image.
/// </summary>
public sealed class AuditJobTests(AuditJobTests.Planted planted) : IClassFixture<AuditJobTests.Planted>
{
    private const int WrongLabel = 3,
        Copied = 5,
        Copy = 30,
        Black = 31;

    [Fact]
    public void Text_names_what_was_planted_at_80_columns_and_how_to_run_it_again()
    {
        Assert.Equal(0, planted.Text.Code);
        Assert.Contains(
            "32 images, 32 with a known label\n1 more images have no explanation",
            planted.Text.Output,
            StringComparison.Ordinal
        );
        Assert.Contains("exact-duplicate: 2 of 32 images to review", planted.Text.Output, StringComparison.Ordinal);
        Assert.Contains("exact, in test and train", planted.Text.Output, StringComparison.Ordinal);
        Assert.Contains("Not judged: fixed-position.", planted.Text.Output, StringComparison.Ordinal);
        Assert.Contains("The same audit again, without explaining: agcam audit ", planted.Text.Output, StringComparison.Ordinal);
        Assert.All(
            planted.Text.Lines,
            line => Assert.True(line.Length <= 80 || line.Contains(planted.Folder, StringComparison.Ordinal), line)
        );
    }

    [Fact]
    public void Findings_hold_the_planted_faults()
    {
        var findings = planted
            .Report.GetProperty("findings")
            .EnumerateArray()
            .ToDictionary(finding => finding.GetProperty("name").GetString()!);
        Assert.Equal(WrongLabel, findings["label"].GetProperty("items")[0].GetProperty("number").GetInt32());
        Assert.Equal([Black], Issues(findings["dark"]));
        Assert.Equal([Black], Issues(findings["low-information"]));
        var leak = Assert.Single(findings["split-leak"].GetProperty("groups").EnumerateArray());
        Assert.Equal([Copied, Copy], leak.GetProperty("numbers").EnumerateArray().Select(number => number.GetInt32()));
        Assert.Equal(["test", "train"], leak.GetProperty("splits").EnumerateArray().Select(split => split.GetString()));
        Assert.EndsWith("copy.png", leak.GetProperty("paths")[1].GetString(), StringComparison.Ordinal);
        // Every explanation has an embedding; the black picture and a scene with few edges are not compared.
        Assert.Equal(30, findings["near-duplicate"].GetProperty("scored").GetInt32());
    }

    [Fact]
    public void Table_of_images_has_the_group_of_each_copy()
    {
        var folder = Path.Combine(planted.Folder, "out");
        Assert.Equal(0, AgcamProcess.Run("audit", planted.Job, "--store", planted.Store, "--out", folder).Code);
        var rows = File.ReadLines(Path.Combine(folder, "findings.jsonl"))
            .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .ToList();
        foreach (var name in new[] { "exact_duplicate", "split_leak" })
        {
            Assert.Equal([Copied, Copy], Numbers(row => row.GetProperty($"is_{name}_issue").GetBoolean()));
            Assert.Equal([Copied, Copy], Numbers(row => row.GetProperty($"{name}_group").ValueKind == JsonValueKind.Number));
            Assert.Equal((0, 1), (rows[Copy].GetProperty($"{name}_score").GetDouble(), rows[0].GetProperty($"{name}_score").GetDouble()));
        }
        Assert.Equal(JsonValueKind.Null, rows[Black].GetProperty("is_near_duplicate_issue").ValueKind); // not compared

        IEnumerable<int> Numbers(Func<JsonElement, bool> isWanted) =>
            rows.Where(isWanted).Select(row => row.GetProperty("number").GetInt32());
    }

    [Fact]
    public void Coco_file_keeps_the_rules_of_the_format_and_gives_boxes_the_predicted_class()
    {
        var folder = Written("coco");
        var coco = Read(folder, "coco.json");
        var categories = coco.GetProperty("categories")
            .EnumerateArray()
            .ToDictionary(category => category.GetProperty("id").GetInt32(), category => category.GetProperty("name").GetString());
        Assert.Equal(Enumerable.Range(1, categories.Count), categories.Keys.Order());
        var images = coco.GetProperty("images").EnumerateArray().ToDictionary(image => image.GetProperty("id").GetInt64());
        Assert.Equal(32, images.Count); // the broken file has no size
        Assert.EndsWith("copy.png", images[Copy].GetProperty("file_name").GetString(), StringComparison.Ordinal);
        var predicted = File.ReadLines(Path.Combine(folder, "findings.jsonl"))
            .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .ToDictionary(row => row.GetProperty("number").GetInt64(), row => row.GetProperty("predicted_label").GetString());
        var annotations = coco.GetProperty("annotations").EnumerateArray().ToList();
        Assert.True(annotations.Count >= 30, $"{annotations.Count} boxes");
        Assert.Distinct(annotations.Select(annotation => annotation.GetProperty("id").GetInt64()));
        foreach (var annotation in annotations)
        {
            var number = annotation.GetProperty("image_id").GetInt64();
            var image = images[number];
            double[] box = [.. annotation.GetProperty("bbox").EnumerateArray().Select(value => value.GetDouble())];
            Assert.Equal(4, box.Length);
            Assert.True(box[0] >= 0 && box[1] >= 0 && box[2] > 0 && box[3] > 0, annotation.ToString());
            Assert.True(box[0] + box[2] <= image.GetProperty("width").GetInt32() + 1e-6, annotation.ToString());
            Assert.True(box[1] + box[3] <= image.GetProperty("height").GetInt32() + 1e-6, annotation.ToString());
            Assert.Equal(box[2] * box[3], annotation.GetProperty("area").GetDouble(), 1e-6);
            Assert.InRange(annotation.GetProperty("score").GetDouble(), 0, 1);
            Assert.Equal(0, annotation.GetProperty("iscrowd").GetInt32());
            Assert.Equal(predicted[number], categories[annotation.GetProperty("category_id").GetInt32()]);
        }
    }

    [Fact]
    public void FiftyOne_samples_have_the_form_that_its_importer_reads()
    {
        var folder = Written("samples");
        Written("samples"); // replaces the heatmaps of the first
        Assert.False(Read(folder, "fiftyone/metadata.json").TryGetProperty("version", out _)); // else ids and a schema are required
        var samples = Read(folder, "fiftyone/samples.json").GetProperty("samples").EnumerateArray().ToList();
        Assert.Equal(32, samples.Count);
        Assert.All(samples, sample => Assert.True(File.Exists(sample.GetProperty("filepath").GetString())));
        var wrong = samples[WrongLabel];
        Assert.Equal(["label"], Tags(wrong).Intersect(["label"]));
        Assert.Equal("Classification", wrong.GetProperty("ground_truth").GetProperty("_cls").GetString());
        Assert.Equal("heart", wrong.GetProperty("ground_truth").GetProperty("label").GetString());
        Assert.NotEqual("heart", wrong.GetProperty("prediction").GetProperty("label").GetString());
        Assert.InRange(wrong.GetProperty("prediction").GetProperty("confidence").GetDouble(), 0.5, 1);
        Assert.Subset(Tags(samples[Copy]).ToHashSet(), new HashSet<string> { "exact-duplicate", "split-leak" });
        Assert.Contains("dark", Tags(samples[Black]));

        var boxes = samples.SelectMany(sample => Labels(sample, "boxes", "Detections").GetProperty("detections").EnumerateArray()).ToList();
        Assert.Equal(Read(folder, "coco.json").GetProperty("annotations").GetArrayLength(), boxes.Count);
        foreach (var box in boxes)
        {
            Assert.Equal("Detection", box.GetProperty("_cls").GetString());
            double[] sides = [.. box.GetProperty("bounding_box").EnumerateArray().Select(value => value.GetDouble())];
            Assert.True(sides is [>= 0, >= 0, > 0, > 0] && sides[0] + sides[2] <= 1 + 1e-6 && sides[1] + sides[3] <= 1 + 1e-6);
        }

        var maps = samples.Where(sample => sample.TryGetProperty("heatmap", out _)).ToList();
        Assert.Contains(wrong, maps);
        Assert.All(maps, sample => Assert.NotEmpty(Tags(sample)));
        Assert.Equal(maps.Count, Directory.GetFiles(Path.Combine(folder, "fiftyone", "fields", "heatmap")).Length);
        Assert.Equal(["heatmap"], Directory.GetDirectories(Path.Combine(folder, "fiftyone", "fields")).Select(Path.GetFileName));
        foreach (var map in maps.Select(sample => Labels(sample, "heatmap", "Heatmap").GetProperty("map_path").GetString()!))
        {
            Assert.True(Path.IsPathRooted(map));
            var header = File.ReadAllBytes(map).AsSpan(0, 26);
            Assert.Equal("PNG"u8, header[1..4]);
            Assert.Equal([8, 0], header[24..26].ToArray()); // 8 bits, grey
        }

        static JsonElement Labels(JsonElement sample, string field, string type)
        {
            var labels = sample.GetProperty(field);
            Assert.Equal(type, labels.GetProperty("_cls").GetString());
            return labels;
        }

        static IEnumerable<string> Tags(JsonElement sample) => sample.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()!);
    }

    [Fact]
    public void Audit_of_the_stored_job_gives_the_same_report_without_the_images()
    {
        var again = AgcamProcess.Run("audit", planted.Job, "--store", planted.Store, "--top", "all", "--json");
        Assert.Equal((0, ""), (again.Code, again.Errors));
        Assert.Equal(planted.Json.Output, again.Output);
    }

    [Fact]
    public void Violated_gate_of_a_group_ends_with_exit_code_1()
    {
        var outcome = AgcamProcess.Run("audit", planted.Job, "--store", planted.Store, "--fail-on", "split-leak:0,bright:0");
        Assert.Equal(1, outcome.Code);
        Assert.Contains("Gate split-leak is 2, limit 0 images: above the limit by 2 images.", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("Gate bright is 0, limit 0 images: within the limit.", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Page_shows_what_was_found_with_pictures_and_loads_nothing()
    {
        var folder = Path.Combine(planted.Folder, "report");
        var outcome = AgcamProcess.Run("audit", planted.Job, "--store", planted.Store, "--out", folder, "--fail-on", "split-leak:0");
        Assert.Equal(1, outcome.Code);
        var page = Path.Combine(folder, "report.html");
        var html = File.ReadAllText(page);
        Assert.Contains("<b>Violated</b>: split-leak is 2", html, StringComparison.Ordinal);
        Assert.Contains("<h2 id=\"label\">", html, StringComparison.Ordinal);
        Assert.Contains("exact, in test and train", html, StringComparison.Ordinal);
        Assert.Contains("Not judged: fixed-position", html, StringComparison.Ordinal);
        Assert.Contains("<figcaption>31: black.png: ", html, StringComparison.Ordinal);
        Assert.Contains("data:image/webp;base64,", html, StringComparison.Ordinal);
        Assert.DoesNotContain("http", html, StringComparison.Ordinal);

        Assert.SkipUnless(Chromium.Program is not null, "chromium is not installed: apt-get install chromium");
        var framed = WebUtility.HtmlEncode(html);
        File.WriteAllText(
            Path.Combine(folder, "phone.html"),
            $"<iframe style=\"width: 390px; height: 2400px; border: 0\" srcdoc=\"{framed}\"></iframe>"
                + "<script>onload = () => { const page = document.querySelector('iframe').contentDocument;"
                + "document.body.setAttribute('data-wide', page.documentElement.scrollWidth);"
                + "document.body.setAttribute('data-broken', [...page.images].filter(image => !image.naturalWidth).length) }</script>"
        );
        var phone = Chromium.Dom(Path.Combine(folder, "phone.html"), Path.Combine(folder, "profile"));
        Assert.Contains("data-wide=\"390\"", phone, StringComparison.Ordinal);
        Assert.Contains("data-broken=\"0\"", phone, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nowhere", "\"nowhere\" is no file, no folder, and no job in")]
    [InlineData("ffffffff", "\"ffffffff\" is no file, no folder, and no job in")]
    public void Source_that_does_not_exist_is_one_line_with_exit_code_2(string source, string message)
    {
        var outcome = AgcamProcess.Run("audit", source, "--store", planted.Store);
        Assert.Equal((2, ""), (outcome.Code, outcome.Output));
        Assert.Contains(message, outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--labels", "parent", "--labels does not go with a job, which has its own labels and splits. Leave it out.")]
    [InlineData("--classes", "names.txt", "--classes does not go with a model, which has its own names of classes. Leave it out.")]
    [InlineData("--findings", "lable", "There is no finding \"lable\".")]
    [InlineData("--fail-on", "split-leak:0,lable:1", "The gate \"lable:1\" names no finding of this audit.")]
    public void Option_that_does_not_fit_is_refused_before_anything_runs(string option, string value, string message)
    {
        var outcome = Agcam.Run("audit", planted.Job, "--store", planted.Store, option, value);
        Assert.Equal((2, ""), (outcome.Code, outcome.Output));
        Assert.Contains(message, outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_of_a_folder_come_from_its_folders_or_from_a_manifest()
    {
        var outcome = AgcamProcess.Run("audit", planted.Folder, "--labels", "labels.csv", "--store", planted.Store);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("--labels takes parent for a folder", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Running_job_is_refused()
    {
        var path = Path.Combine(planted.Folder, "running.db");
        await using var store = new SqliteStore(new SqliteOptions { Path = path });
        await store.ProbeAsync(TestContext.Current.CancellationToken);
        await store.MigrateAsync(TestContext.Current.CancellationToken);
        var spec = new JobSpec
        {
            Source = "folder:/nowhere",
            Model = new ModelPin { Id = "scenes", Sha256 = Digest.Of("weights"u8) },
        };
        var job = (await store.Jobs.CreateAsync(spec, cancellationToken: TestContext.Current.CancellationToken)).Job;
        var outcome = AgcamProcess.Run("audit", job.Id.ToString(), "--store", path);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("is running. An audit needs a completed job.", outcome.Errors, StringComparison.Ordinal);
    }

    /// <summary>Returns the folder of the stored job's audit.</summary>
    private string Written(string name)
    {
        var folder = Path.Combine(planted.Folder, name);
        Assert.Equal(0, AgcamProcess.Run("audit", planted.Job, "--store", planted.Store, "--confirm", "0", "--out", folder).Code);
        return folder;
    }

    private static JsonElement Read(string folder, string name) =>
        JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Path.Combine(folder, name)));

    private static IEnumerable<int> Issues(JsonElement finding) =>
        finding
            .GetProperty("items")
            .EnumerateArray()
            .Where(item => item.GetProperty("isIssue").GetBoolean())
            .Select(item => item.GetProperty("number").GetInt32());

    /// <summary>The dataset and its audit, as text and then as JSON from the same explanations.</summary>
    public sealed class Planted : IDisposable
    {
        public Planted()
        {
            Folder = Directory.CreateTempSubdirectory("agcam-audit-").FullName;
            Assert.Equal(0, AgcamProcess.Run("scenes", "draw", Folder, "--count", "30", "--seed", "7").Code);
            string[] files = [.. Directory.GetFiles(Folder, "*.png").Order(StringComparer.Ordinal).Select(file => Path.GetFileName(file))];
            var rows = files
                .Select((file, number) => Row(file, number == WrongLabel ? "heart" : file.Split('-', '.')[1], "train"))
                .ToList();
            File.Copy(Path.Combine(Folder, files[Copied]), Path.Combine(Folder, "copy.png"));
            rows.Add(Row("copy.png", files[Copied].Split('-', '.')[1], "test"));
            PngEncoder.Save(new RgbImage(96, 96, new byte[96 * 96 * 3]), Path.Combine(Folder, "black.png"));
            rows.Add(Row("black.png", "ring", "train"));
            File.WriteAllText(Path.Combine(Folder, "broken.png"), "no image");
            rows.Add(Row("broken.png", "ring", "train"));
            var manifest = Path.Combine(Folder, "manifest.csv");
            File.WriteAllLines(manifest, ["path,label,split", .. rows]);
            Text = AgcamProcess.Run("audit", manifest, "--store", Store);
            Json = AgcamProcess.Run("audit", manifest, "--store", Store, "--top", "all", "--json");
            Report = JsonSerializer.Deserialize<JsonElement>(Json.Output);
            Job = Text.Lines.Single(line => line.StartsWith("The same audit again", StringComparison.Ordinal)).Split(' ')[^1];
        }

        public string Folder { get; }

        public string Store => Path.Combine(Folder, "store.db");

        internal Outcome Text { get; }

        internal Outcome Json { get; }

        public JsonElement Report { get; }

        /// <summary>The first characters of the first audit's job.</summary>
        public string Job { get; }

        public void Dispose() => Directory.Delete(Folder, recursive: true);

        private static string Row(string file, string label, string split) => $"{file},{label},{split}";
    }
}
