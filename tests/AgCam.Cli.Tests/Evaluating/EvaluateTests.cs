using System.IO.Compression;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using AgCam.Cli.Evaluating;
using AgCam.Evaluation;
using AgCam.Evaluation.Datasets;
using AgCam.Images;
using Xunit;

namespace AgCam.Cli.Tests.Evaluating;

/// <summary>Tests `agcam evaluate` on a small generated dataset with a fixture model.</summary>
public class EvaluateTests
{
    private static readonly string[] Names = ["anchor", "bell", "comet", "drum", "ember", "fern", "gate", "harp", "iris", "jade"];

    [Fact]
    public void Every_metric_of_every_method_has_a_mean_inside_its_interval()
    {
        using var folder = SomeDataset(14);
        var result = Evaluate(folder, "--methods", "all", "--metrics", "all", "--batch", "4");

        Assert.Equal((14, 14), (result.GetProperty("images").GetInt32(), result.GetProperty("evaluated").GetInt32()));
        Assert.Equal(
            [
                "agcam",
                "agcam-signed",
                "agcam-contrastive",
                "agcam-product",
                "rollout",
                "generic",
                "last-layer",
                "legrad",
                "random",
                "centre-box",
            ],
            result.GetProperty("methods").EnumerateObject().Select(method => method.Name)
        );
        foreach (var method in result.GetProperty("methods").EnumerateObject())
        {
            Assert.Equal(
                Metric.All.Where(metric => metric.Family != MetricFamily.Masks).Select(metric => metric.Name),
                method.Value.EnumerateObject().Select(metric => metric.Name)
            );
            foreach (var metric in method.Value.EnumerateObject())
                Assert.InRange(Number(metric.Value, "mean"), Number(metric.Value, "low") - 1e-12, Number(metric.Value, "high") + 1e-12);
        }

        // A class-independent map does not change with the class, nor a model-independent one with the weights.
        Assert.Equal(1, Mean(result, "rollout", "randomLogit"), 9);
        Assert.Equal(1, Mean(result, "random", "randomWeights"), 9);
        Assert.True(Mean(result, "agcam", "randomWeights") < 0.9);
        // The head changes the gradient but not the attention: rollout keeps its map, AG-CAM does not.
        Assert.Equal(1, Mean(result, "rollout", "randomHead"), 9);
        Assert.True(Mean(result, "agcam", "randomHead") < 0.99);
        Assert.True(Mean(result, "rollout", "randomTop75") < 0.99);
        Assert.Equal(0, Mean(result, "random", "maxSensitivity"), 9);
        Assert.InRange(Mean(result, "agcam", "maxSensitivity"), 1e-6, 1);
        Assert.Equal(Mean(result, "agcam", "aucLerf") - Mean(result, "agcam", "aucMorf"), Mean(result, "agcam", "abpc"), 9);
        Assert.Equal(
            Mean(result, "rollout", "abpc") - Mean(result, "agcam", "abpc"),
            Number(result.GetProperty("differences").GetProperty("rollout").GetProperty("abpc"), "mean"),
            9
        );
    }

    [Fact]
    public void Four_shards_and_one_process_give_the_same_text()
    {
        using var folder = SomeDataset(11);
        string[] what = ["--methods", "agcam,rollout,legrad,random", "--metrics", "localization,pointing,perturbation", "--batch", "2"];
        var whole = Agcam.Run(["evaluate", folder.Path, "--model", SomeImages.Model, "--json", "-q", .. what]);
        Assert.Equal((0, ""), (whole.Code, whole.Errors));
        string[] parts = [folder["3.rows"], folder["1.rows"], folder["4.rows"], folder["2.rows"]];
        foreach (var part in parts)
            Assert.Equal(
                0,
                Agcam
                    .Run([
                        "evaluate",
                        folder.Path,
                        "--model",
                        SomeImages.Model,
                        "--shard",
                        Path.GetFileName(part)[0] + "/4",
                        "--rows",
                        part,
                        .. what,
                    ])
                    .Code
            );

        var merged = Agcam.Run(["evaluate", "--json", "--merge", .. parts]);
        Assert.Equal((0, ""), (merged.Code, merged.Errors));
        Assert.Equal(whole.Output, merged.Output);

        var missing = Agcam.Run(["evaluate", "--merge", .. parts[..3]]);
        Assert.Equal(2, missing.Code);
        Assert.Contains("Of 4 shards, 2 is missing", missing.Errors, StringComparison.Ordinal);

        var lines = File.ReadAllLines(parts[0]);
        var finished = File.ReadAllText(parts[0]);
        File.WriteAllText(parts[0], string.Join('\n', lines[..2]) + "\n" + lines[2][..40]); // header, one row, one truncated row
        var torn = Agcam.Run(["evaluate", "--merge", .. parts]);
        Assert.Equal(2, torn.Code);
        Assert.Contains("line 3", torn.Errors, StringComparison.Ordinal);

        // The same command resumes after the last row and writes the same bytes.
        var resumed = Agcam.Run(["evaluate", folder.Path, "--model", SomeImages.Model, "--shard", "3/4", "--rows", parts[0], .. what]);
        Assert.Equal(0, resumed.Code);
        Assert.Contains("continuing after the 1 images", resumed.Errors, StringComparison.Ordinal);
        Assert.Equal(finished, File.ReadAllText(parts[0]));

        File.WriteAllText(parts[0], string.Join('\n', lines[..2]) + "\n");
        var cut = Agcam.Run(["evaluate", "--merge", .. parts]);
        Assert.Equal(2, cut.Code);
        Assert.Contains("truncated", cut.Errors, StringComparison.Ordinal);
        var other = Agcam.Run([
            "evaluate",
            folder.Path,
            "--model",
            SomeImages.Model,
            "--shard",
            "3/4",
            "--rows",
            parts[0],
            .. what,
            "--threshold",
            "0.4",
        ]);
        Assert.Equal(2, other.Code);
        Assert.Contains("threshold 0.5 and 0.4", other.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Parity_is_the_papers_arithmetic_on_the_same_curves_and_boxes()
    {
        using var folder = SomeDataset(6);
        var own = Evaluate(folder, "--methods", "agcam", "--metrics", "localization,perturbation", "--rows", folder["own.rows"]);
        var paper = Evaluate(
            folder,
            "--methods",
            "agcam",
            "--metrics",
            "localization,perturbation",
            "--parity",
            "paper",
            "--rows",
            folder["paper.rows"]
        );

        Assert.Equal("paper", paper.GetProperty("protocol").GetProperty("parity").GetString());
        Assert.Equal(Mean(own, "agcam", "maxBoxAcc"), Mean(paper, "agcam", "maxBoxAcc"));
        Assert.NotEqual(Mean(own, "agcam", "iou"), Mean(paper, "agcam", "iou"));
        foreach (
            var (rows, mean) in ((string, Func<double[], double>)[])
                [("paper.rows", curve => curve.Average()), ("own.rows", curve => (curve.Sum() - ((curve[0] + curve[10]) / 2)) / 10)]
        )
        foreach (
            var row in File.ReadAllLines(folder[rows])
                .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
                .Where(line => line.TryGetProperty("row", out _))
        )
        {
            var method = row.GetProperty("row").GetProperty("methods").GetProperty("agcam");
            double[] morf = [.. method.GetProperty("morf").EnumerateArray().Select(p => p.GetDouble())],
                lerf = [.. method.GetProperty("lerf").EnumerateArray().Select(p => p.GetDouble())];
            Assert.Equal(mean(lerf) - mean(morf), method.GetProperty("values").GetProperty("abpc").GetDouble(), 12);
        }

        var mixed = Agcam.Run("evaluate", "--merge", folder["own.rows"], folder["paper.rows"]);
        Assert.Equal(2, mixed.Code);
        Assert.Contains("parity", mixed.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Masks_are_scored_beside_boxes_and_those_that_are_missing_are_counted()
    {
        using var folder = SomeImages.Folder(4);
        File.WriteAllText(
            folder["coco.json"],
            """
            {"images": [{"id": 0, "file_name": "000.png"}, {"id": 1, "file_name": "001.png"},
                        {"id": 2, "file_name": "002.png"}, {"id": 3, "file_name": "003.png"}],
             "categories": [{"id": 1, "name": "bell"}],
             "annotations": [
              {"image_id": 0, "category_id": 1, "bbox": [5, 5, 20, 20], "segmentation": [[5, 5, 25, 5, 25, 25, 5, 25]]},
              {"image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20], "segmentation": {"size": [40, 50], "counts": [500, 300, 1200]}},
              {"image_id": 2, "category_id": 1, "bbox": [5, 5, 20, 20]},
              {"image_id": 3, "category_id": 1, "bbox": [5, 5, 20, 20], "segmentation": {"size": [40, 50], "counts": [500, 300]}}]}
            """
        );
        var result = Agcam.Run(
            "evaluate",
            folder["coco.json"],
            "--model",
            SomeImages.Model,
            "--methods",
            "agcam,centre-box",
            "--metrics",
            "pointing,masks",
            "--json",
            "-q"
        );
        Assert.Equal((0, ""), (result.Code, result.Errors));
        var json = JsonSerializer.Deserialize<JsonElement>(result.Output);
        Assert.Equal("""{"broken-mask":1,"no-mask":1}""", JsonSerializer.Serialize(json.GetProperty("withoutMask")));
        Assert.Equal(
            (4, 2),
            (
                json.GetProperty("counts").GetProperty("agcam").GetProperty("energy").GetInt32(),
                json.GetProperty("counts").GetProperty("agcam").GetProperty("maskEnergy").GetInt32()
            )
        );
        Assert.InRange(Mean(json, "agcam", "maskEnergy"), 0.01, 0.99);

        var only = Agcam.Run(
            "evaluate",
            folder["coco.json"],
            "--model",
            SomeImages.Model,
            "--methods",
            "agcam",
            "--metrics",
            "masks",
            "--json",
            "-q"
        );
        Assert.Equal(
            """{"broken-mask":1,"no-mask":1}""",
            JsonSerializer.Serialize(JsonSerializer.Deserialize<JsonElement>(only.Output).GetProperty("skipped"))
        );
    }

    [Fact]
    public void Given_heatmaps_score_as_the_method_that_made_them()
    {
        using var folder = SomeDataset(6);
        Directory.CreateDirectory(folder["maps"]);
        foreach (
            var row in Agcam
                .Run(
                    "explain",
                    folder.Path,
                    "--model",
                    SomeImages.Model,
                    "--json",
                    "--raw",
                    "-q",
                    "--labels",
                    folder["metadata.jsonl"],
                    "--target",
                    "label"
                )
                .Rows.Skip(1)
        )
        {
            var map = row.GetProperty("explanations")[0];
            var name = Path.GetFileName(row.GetProperty("image").GetProperty("path").GetString()!);
            WriteNpy(
                folder[$"maps/{name}.npy"],
                map.GetProperty("grid").GetProperty("rows").GetInt32(),
                [.. map.GetProperty("heatmap").EnumerateArray().Select(value => value.GetSingle())]
            );
        }

        using (var zip = ZipFile.Open(folder["maps.npz"], ZipArchiveMode.Create))
            foreach (var file in Directory.EnumerateFiles(folder["maps"]))
                zip.CreateEntryFromFile(file, Path.GetFileName(file));

        var result = Evaluate(
            folder,
            "--methods",
            "agcam",
            "--heatmaps",
            "mine=" + folder["maps"],
            "--heatmaps",
            "zipped=" + folder["maps.npz"]
        );

        Assert.Equal(1, result.GetProperty("flatMaps").GetProperty("mine").GetProperty("no-heatmap").GetInt32());
        Assert.Equal(0, Number(result.GetProperty("differences").GetProperty("mine").GetProperty("energy"), "high"), 4);
        Assert.Equal(0, Number(result.GetProperty("differences").GetProperty("mine").GetProperty("energy"), "low"), 4);
        Assert.Equal(
            JsonSerializer.Serialize(result.GetProperty("methods").GetProperty("mine")),
            JsonSerializer.Serialize(result.GetProperty("methods").GetProperty("zipped"))
        );
    }

    [Fact]
    public void Bad_input_is_counted_by_its_reason()
    {
        using var folder = SomeDataset(2);
        File.WriteAllText(folder["broken.png"], "no picture");
        for (var i = 0; i < 6; i++)
            SomeImages.Write(folder, $"bad{i}.png", i);
        File.AppendAllLines(
            folder["metadata.jsonl"],
            [
                """{"file_name": "bad0.png", "label": "zebra", "objects": {"bbox": [[1, 1, 9, 9]]}}""",
                """{"file_name": "bad1.png", "label": "bell", "objects": {"bbox": [[90, 90, 9, 9]]}}""",
                """{"file_name": "bad2.png", "label": "bell", "objects": {"bbox": []}}""",
                """{"file_name": "bad3.png", "label": "bell"}""",
                """{"file_name": "bad4.png", "label": "bell", "objects": {"bbox": [[5, 5, 0, 9]]}}""",
                """{"file_name": "broken.png", "label": "bell", "objects": {"bbox": [[5, 5, 9, 9]]}}""",
                """{"file_name": "gone.png", "label": "bell", "objects": {"bbox": [[5, 5, 9, 9]]}}""",
            ]
        );

        var result = Evaluate(folder, "--methods", "agcam");

        Assert.Equal((10, 2), (result.GetProperty("images").GetInt32(), result.GetProperty("evaluated").GetInt32()));
        Assert.Equal(
            "{\"box-outside-image\":1,\"empty-annotation\":1,\"empty-box\":1,\"no-boxes\":2,"
                + "\"not-found\":1,\"unknown-label\":1,\"unsupported-format\":1}",
            JsonSerializer.Serialize(result.GetProperty("skipped"))
        );

        // Images without boxes count if the metrics do not need boxes.
        var faithful = Evaluate(folder, "--methods", "agcam", "--metrics", "localization,perturbation");
        Assert.Equal(6, faithful.GetProperty("evaluated").GetInt32());
        Assert.Equal(6, faithful.GetProperty("counts").GetProperty("agcam").GetProperty("abpc").GetInt32());
        Assert.Equal(2, faithful.GetProperty("counts").GetProperty("agcam").GetProperty("maxBoxAcc").GetInt32());
        Assert.Equal(4, faithful.GetProperty("withoutBoxes").EnumerateObject().Sum(reason => reason.Value.GetInt32()));
    }

    [Fact]
    public void Skipped_image_has_its_label_and_no_values_of_the_model_in_the_rows()
    {
        using var folder = SomeDataset(2);
        File.WriteAllText(folder["broken.png"], "no picture");
        SomeImages.Write(folder, "unknown.png", 3);
        SomeImages.Write(folder, "unlisted.png", 4);
        SomeImages.Write(folder, "boxless.png", 5);
        File.AppendAllLines(
            folder["metadata.jsonl"],
            [
                """{"file_name": "broken.png", "label": "bell", "objects": {"bbox": [[5, 5, 9, 9]]}}""",
                """{"file_name": "unknown.png", "label": "zebra", "objects": {"bbox": [[5, 5, 9, 9]]}}""",
                """{"file_name": "boxless.png", "label": "comet"}""",
                """{"file_name": "gone.png", "label": "drum", "objects": {"bbox": [[5, 5, 9, 9]]}}""",
            ]
        );

        Evaluate(folder, "--methods", "agcam", "--rows", folder["rows.jsonl"]);

        var skipped = File.ReadLines(folder["rows.jsonl"])
            .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .Where(line => line.TryGetProperty("row", out var row) && row.TryGetProperty("skipped", out _))
            .ToDictionary(line => line.GetProperty("row").GetProperty("image").GetString()!, line => line.GetProperty("row"));
        Assert.Equal(["boxless.png", "broken.png", "gone.png", "unknown.png", "unlisted.png"], skipped.Keys.Order(StringComparer.Ordinal));
        foreach (var (image, row) in skipped)
        foreach (var name in (string[])["predicted", "probability", "top5", "correct"])
            Assert.False(row.TryGetProperty(name, out _), $"{image} was not measured and has a value of {name}: {row}");
        Assert.Equal((1, "bell"), Label("broken.png"));
        Assert.Equal((2, "comet"), Label("boxless.png"));
        Assert.Equal((3, "drum"), Label("gone.png"));
        Assert.Equal((null, null), Label("unknown.png"));
        Assert.Equal((null, null), Label("unlisted.png"));

        (int?, string?) Label(string image) =>
            (
                skipped[image].TryGetProperty("label", out var label) ? label.GetInt32() : null,
                skipped[image].TryGetProperty("labelName", out var name) ? name.GetString() : null
            );
    }

    [Fact]
    public void Dataset_without_usable_images_is_an_error_with_the_reasons()
    {
        using var folder = new TemporaryFolder();
        SomeImages.Write(folder, "bell/1.png");
        var outcome = Agcam.Run("evaluate", folder.Path, "--model", SomeImages.Model);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("no-boxes 1", outcome.Errors, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Theory]
    [InlineData("evaluate")]
    [InlineData("evaluate nowhere --model MODEL")]
    [InlineData("evaluate . --model MODEL --methods gradcam")]
    [InlineData("evaluate . --model MODEL --metrics beauty")]
    [InlineData("evaluate . --model MODEL --shard 5/4")]
    [InlineData("evaluate . --model MODEL --shard 1/4")]
    [InlineData("evaluate . --model MODEL --threshold 0.12345")]
    [InlineData("evaluate . --merge nothing.rows")]
    [InlineData("evaluate --merge nothing.rows")]
    public void Usage_error_is_one_line_and_exit_2(string line)
    {
        var outcome = Agcam.Run(line.Replace("MODEL", SomeImages.Model, StringComparison.Ordinal).Split(' '));
        Assert.Equal(2, outcome.Code);
        Assert.StartsWith("agcam: ", outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("internal error", outcome.Errors, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Fact]
    public void Table_shows_every_method_and_marks_differences()
    {
        using var folder = SomeDataset(10);
        var outcome = AgcamProcess.Run(
            "evaluate",
            folder.Path,
            "--model",
            SomeImages.Model,
            "--methods",
            "agcam,centre-box",
            "--csv",
            folder["result.csv"],
            "--html",
            folder["result.html"],
            "-q"
        );
        Assert.Equal(0, outcome.Code);
        Assert.Contains("10 of 10 images evaluated", outcome.Output, StringComparison.Ordinal);
        Assert.Equal(3, outcome.Lines.Count(line => line.StartsWith("centre-box  ", StringComparison.Ordinal)));
        Assert.All(outcome.Lines, line => Assert.InRange(line.Length, 0, 200));
        Assert.Equal(1 + (2 * 13), File.ReadAllLines(folder["result.csv"]).Length);

        var page = File.ReadAllText(folder["result.html"]);
        Assert.Contains("AG-CAM&#39;s best by", page, StringComparison.Ordinal);
        Assert.Equal(2, page.Split("role=\"img\"").Length - 1);
        Assert.InRange(page.Split("<img").Length - 1, 2, 8);
        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Page_renders_in_a_browser_without_other_files()
    {
        Assert.SkipUnless(Chromium.Program is not null, "chromium is not installed: apt-get install chromium");
        using var folder = SomeDataset(6);
        var outcome = Agcam.Run(
            "evaluate",
            folder.Path,
            "--model",
            SomeImages.Model,
            "--methods",
            "agcam,rollout,centre-box",
            "--metrics",
            "localization,pointing,perturbation",
            "--html",
            folder["page.html"],
            "-q"
        );
        Assert.Equal((0, ""), (outcome.Code, outcome.Errors));

        // On a phone, only tables scroll, and no legend is cut off.
        var framed = WebUtility.HtmlEncode(File.ReadAllText(folder["page.html"]));
        File.WriteAllText(
            folder["phone.html"],
            $"<iframe style=\"width: 390px; height: 2400px; border: 0\" srcdoc=\"{framed}\">"
                + "</iframe><script>onload = () => { const page = document.querySelector('iframe').contentDocument;"
                + "document.body.setAttribute('data-wide', page.documentElement.scrollWidth);"
                + "document.body.setAttribute('data-cut', [...page.querySelectorAll('.legend, .legend li')]"
                + ".filter(item => item.scrollWidth > item.clientWidth).length) }</script>"
        );
        var phone = Chromium.Dom(folder["phone.html"], folder["profile"]);
        Assert.Contains("data-wide=\"390\"", phone, StringComparison.Ordinal);
        Assert.Contains("data-cut=\"0\"", phone, StringComparison.Ordinal);

        // The browser kept all parts inside their tables, and nothing is wider than the window.
        File.AppendAllText(
            folder["page.html"],
            "<script>document.body.setAttribute('data-wide', document.documentElement.scrollWidth - window.innerWidth);"
                + "document.body.setAttribute('data-broken', [...document.images].filter(image => !image.naturalWidth).length);"
                + "document.body.setAttribute('data-cut', [...document.querySelectorAll('.wide')].filter(box => box.scrollWidth "
                + "> box.clientWidth).length)</script>"
        );
        var dom = Chromium.Dom(folder["page.html"], folder["profile"]);
        Assert.Contains("data-broken=\"0\"", dom, StringComparison.Ordinal);
        Assert.Contains("data-cut=\"0\"", dom, StringComparison.Ordinal);
        Assert.Contains("data-wide=\"0\"", dom, StringComparison.Ordinal);
        Assert.Equal(4, dom.Split("role=\"img\"").Length - 1);
        Assert.Equal(4 * 3, dom.Split("<polyline").Length - 1);
        foreach (
            var heading in (string[])
                [
                    "Localization",
                    "Pointing",
                    "Perturbation",
                    "Box accuracy over the threshold",
                    "Perturbation curves",
                    "iou by class",
                    "AG-CAM's best by",
                    "AG-CAM's worst by",
                    "Protocol",
                ]
        )
            Assert.Contains($"<h2>{heading}", dom, StringComparison.Ordinal);

        Chromium.Screenshot(folder["page.html"], folder["page.png"], folder["profile"]);
        var picture = ImageDecoder.Decode(File.ReadAllBytes(folder["page.png"]), ImageLimits.Default);
        Assert.Equal((1280, 2400), (picture.Width, picture.Height));
        var dark = picture.Pixels.Chunk(3).Count(pixel => pixel.Max() < 96);
        Assert.InRange(dark / (double)(picture.Width * picture.Height), 0.005, 0.3);

        Chromium.Screenshot(folder["page.html"], folder["dark.png"], folder["profile"], dark: true);
        picture = ImageDecoder.Decode(File.ReadAllBytes(folder["dark.png"]), ImageLimits.Default);
        dark = picture.Pixels.Chunk(3).Count(pixel => pixel.Max() < 96);
        Assert.InRange(dark / (double)(picture.Width * picture.Height), 0.6, 0.99);
    }

    [Fact]
    public void Page_names_dataset_date_and_version_lists_the_worst_class_first_and_marks_controls_that_are_as_good()
    {
        using var folder = new TemporaryFolder();
        var rows = Enumerable.Range(0, 6).Select(i => Row($"{i}.png", i % 3, iou: 0.9 - (0.3 * (i % 3))));
        File.WriteAllLines(folder["rows.jsonl"], [RowFile.Line(Header()), .. rows.Select(RowFile.Line), RowFile.EndLine(6)]);

        var outcome = Agcam.Run("evaluate", "--merge", folder["rows.jsonl"], "--html", folder["page.html"]);

        Assert.Equal((0, ""), (outcome.Code, outcome.Errors));
        var page = File.ReadAllText(folder["page.html"]);
        Assert.Contains($"<dt>dataset</dt><dd>rows of {folder["rows.jsonl"]}</dd>", page, StringComparison.Ordinal);
        Assert.Matches(@"<dt>date</dt><dd>20\d\d-\d\d-\d\d</dd><dt>version</dt><dd>agcam \d+\.\d+\.\d+</dd>", page);
        var byClass = page[page.IndexOf("iou by class", StringComparison.Ordinal)..];
        string[] order = ["class2", "class1", "class0"];
        Assert.Equal(order, order.OrderBy(name => byClass.IndexOf($"<td>{name}</td>", StringComparison.Ordinal)));
        Assert.Contains(
            "iou: agcam is not significantly better than a random map on these images. The boxes cover most of the picture (80 %)",
            page,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("dice: agcam is not", page, StringComparison.Ordinal);
    }

    private static EvaluationHeader Header() =>
        new()
        {
            Model = "some",
            ModelSha256 = "0",
            Computation = "some",
            Dtype = "float32",
            Device = "cpu",
            Methods = ["agcam", "random"],
            Metrics = [MetricFamily.Localization, MetricFamily.Pointing],
            Threshold = 0.5,
            Batch = 1,
            MaskedBatch = 1,
        };

    /// <summary>Both methods have the same IoU; AG-CAM has the better Dice coefficient.</summary>
    private static ImageRow Row(string image, int label, double iou) =>
        new(image)
        {
            Label = label,
            LabelName = $"class{label}",
            Predicted = label,
            Top5 = true,
            Methods = new Dictionary<string, MethodRow>
            {
                ["agcam"] = new() { Values = Values(iou, dice: 0.9) },
                ["random"] = new() { Values = Values(iou, dice: 0.2) },
            },
        };

    private static Dictionary<string, double> Values(double iou, double dice) =>
        new()
        {
            ["iou"] = iou,
            ["dice"] = dice,
            ["energy"] = 0.8,
        };

    [Fact]
    public void Images_left_to_measure_are_counted_by_shard_and_without_finished_batches()
    {
        using var folder = SomeImages.Folder(10);
        Assert.Equal(10, Count(new Shard(1, 1)));
        Assert.Equal(6, Count(new Shard(1, 2))); // batches of 4, 4 and 2
        Assert.Equal(4, Count(new Shard(2, 2)));
        var keys = Dataset.Read(folder.Path).Select(sample => sample.Key).Take(5);
        Assert.Equal(6, Count(new Shard(1, 1), [.. keys]));

        long Count(Shard shard, params string[] done) =>
            BatchReading.Count(
                new EvaluationRun
                {
                    Dataset = folder.Path,
                    Options = new EvaluationOptions { Methods = [], Families = [] },
                    Limits = ImageLimits.Default,
                    Batch = 4,
                    Shard = shard,
                },
                done.ToHashSet(),
                TestContext.Current.CancellationToken
            );
    }

    private static JsonElement Evaluate(TemporaryFolder folder, params string[] what)
    {
        var outcome = Agcam.Run(["evaluate", folder.Path, "--model", SomeImages.Model, "--json", "-q", .. what]);
        Assert.Equal((0, ""), (outcome.Code, outcome.Errors));
        return JsonSerializer.Deserialize<JsonElement>(outcome.Output);
    }

    /// <summary>Writes pictures with one box each; half of the labels are the model's predictions.</summary>
    internal static TemporaryFolder SomeDataset(int count)
    {
        var folder = SomeImages.Folder(count);
        var said = Agcam
            .Run("explain", folder.Path, "--model", SomeImages.Model, "--json", "-q")
            .Rows.Select(row => row.GetProperty("predictions")[0].GetProperty("class").GetInt32())
            .ToArray();
        File.WriteAllLines(
            folder["metadata.jsonl"],
            said.Select(
                (predicted, i) =>
                {
                    var label = Names[i % 2 == 0 ? predicted : (predicted + 1 + i) % 10];
                    return $$$"""{"file_name": "{{{i:000}}}.png", "label": "{{{label}}}", "objects": {"bbox": [[{{{i}}}, 5, 20, 25]]}}""";
                }
            )
        );
        return folder;
    }

    private static void WriteNpy(string path, int rows, float[] values)
    {
        var header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {values.Length / rows}), }}\n";
        File.WriteAllBytes(
            path,
            [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.Latin1.GetBytes(header), .. MemoryMarshal.AsBytes<float>(values)]
        );
    }

    private static double Mean(JsonElement result, string method, string metric) =>
        Number(result.GetProperty("methods").GetProperty(method).GetProperty(metric), "mean");

    private static double Number(JsonElement json, string name) => json.GetProperty(name).GetDouble();
}
