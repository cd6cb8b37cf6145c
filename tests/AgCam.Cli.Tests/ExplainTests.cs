using System.Text.Json;
using Xunit;

namespace AgCam.Cli.Tests;

public class ExplainTests
{
    [Fact]
    public void Row_has_the_documented_keys()
    {
        using var folder = SomeImages.Folder(1);
        var outcome = AgcamProcess.Run("explain", folder.Path, "--model", SomeImages.Model, "--json", "--raw");
        Assert.Equal(0, outcome.Code);
        var row = Assert.Single(outcome.Rows);
        Assert.Equal(["status", "image", "model", "predictions", "explanations", "embedding", "provenance"], Names(row));
        Assert.Equal("Completed", row.GetProperty("status").GetString());
        Assert.Equal(["path", "sha256", "width", "height"], Names(row.GetProperty("image")));
        Assert.Equal(50, row.GetProperty("image").GetProperty("width").GetInt32());
        Assert.Equal(
            Digest.Of(File.ReadAllBytes(folder["000.png"])).ToString(),
            row.GetProperty("image").GetProperty("sha256").GetString()
        );
        Assert.Equal(["id", "sha256"], Names(row.GetProperty("model")));
        Assert.Equal(5, row.GetProperty("predictions").GetArrayLength());
        Assert.Equal(["class", "name", "probability", "logit"], Names(row.GetProperty("predictions")[0]));
        var explanation = row.GetProperty("explanations")[0];
        Assert.Equal(
            ["requested", "target", "name", "against", "method", "grid", "heatmap", "min", "max", "sum", "boxes", "reason"],
            Names(explanation)
        );
        var grid = explanation.GetProperty("grid");
        Assert.Equal(
            grid.GetProperty("rows").GetInt32() * grid.GetProperty("columns").GetInt32(),
            explanation.GetProperty("heatmap").GetArrayLength()
        );
        var values = explanation.GetProperty("heatmap").EnumerateArray().Select(value => value.GetSingle()).ToArray();
        Assert.Equal(values.Max(), explanation.GetProperty("max").GetSingle());
        Assert.Equal(values.Sum(value => (double)value), explanation.GetProperty("sum").GetDouble(), 1e-3);
        Assert.NotEmpty(explanation.GetProperty("boxes").EnumerateArray());
        Assert.Equal(64, row.GetProperty("provenance").GetString()!.Length);
    }

    [Theory]
    [InlineData("--raw", "--no-embedding")]
    [InlineData("--no-embedding")]
    [InlineData]
    public void Row_has_no_embedding_unless_raw_values_are_requested_with_it(params string[] options)
    {
        using var folder = SomeImages.Folder(1);
        var outcome = Agcam.Run(["explain", folder.Path, "--model", SomeImages.Model, "--json", .. options]);
        Assert.DoesNotContain("embedding", Names(Assert.Single(outcome.Rows)));
    }

    [Theory]
    [InlineData("float16")]
    [InlineData("bfloat16")]
    public void Half_precision_writes_no_warnings(string dtype)
    {
        using var folder = SomeImages.Folder(1);
        var outcome = AgcamProcess.Run("explain", folder.Path, "--model", SomeImages.Model, "--dtype", dtype, "--json", "-q");
        Assert.Equal((0, ""), (outcome.Code, outcome.Errors));
    }

    [Fact]
    public void Numbers_equal_those_of_the_library()
    {
        using var folder = SomeImages.Folder(1);
        var row = Assert.Single(
            Agcam.Run("explain", folder["000.png"], "--model", SomeImages.Model, "--json", "--raw", "--target", "3-vs-4").Rows
        );
        using var checkpoint = AgCam.Models.Checkpoint.Open(SomeImages.Model);
        using var explainer = new Explainer(checkpoint);
        var expected = explainer.Explain(
            AgCam.Images.ImageDecoder.Decode(File.ReadAllBytes(folder["000.png"]), new()),
            new ExplainOptions { Targets = [Target.Parse("3-vs-4", explainer.Classes)] }
        );
        Assert.Equal(
            expected.Embedding!.Select(value => (float)value),
            row.GetProperty("embedding").EnumerateArray().Select(z => z.GetSingle())
        );
        var explanation = row.GetProperty("explanations")[0];
        Assert.Equal(3, explanation.GetProperty("target").GetInt32());
        Assert.Equal(4, explanation.GetProperty("against").GetInt32());
        Assert.Equal(
            expected.Targets[0].Heatmap.Values,
            explanation.GetProperty("heatmap").EnumerateArray().Select(value => value.GetSingle()).ToArray(),
            (a, b) => Math.Abs(a - b) <= 1e-5
        );
        Assert.Equal(expected.Predictions[0].Class, row.GetProperty("predictions")[0].GetProperty("class").GetInt32());
    }

    [Fact]
    public void Class_that_several_targets_ask_for_is_written_and_drawn_once()
    {
        using var folder = SomeImages.Folder(1);
        string[] targets = ["--target", "predicted", "--target", "top:2", "--target", "class:3"];
        var outcome = Agcam.Run(["explain", folder["000.png"], "--model", SomeImages.Model, "--json", "--out", folder["out"], .. targets]);
        Assert.True(outcome.Code == 0, outcome.Errors);
        var explanations = Assert.Single(outcome.Rows).GetProperty("explanations").EnumerateArray().ToList();
        Assert.Equal(["predicted", "top:2"], explanations[0].GetProperty("requested").EnumerateArray().Select(name => name.GetString()));
        var classes = explanations.Select(explanation => explanation.GetProperty("target").GetInt32()).ToList();
        Assert.Equal(classes.Distinct(), classes);
        Assert.Equal(classes.Count, Directory.GetFiles(folder["out"], "*.png").Length);
    }

    [Fact]
    public void Rows_come_in_the_order_of_the_images()
    {
        using var folder = SomeImages.Folder(21);
        File.WriteAllText(folder["007b.png"], "not a picture");
        var outcome = AgcamProcess.Run(
            "explain",
            folder.Path,
            "--model",
            SomeImages.Model,
            "--json",
            "--batch",
            "4",
            "--max-failures",
            "1"
        );
        Assert.Equal(0, outcome.Code);
        var names = outcome.Rows.Select(row => Path.GetFileName(row.GetProperty("image").GetProperty("path").GetString())).ToArray();
        Assert.Equal(22, names.Length);
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
    }

    [Fact]
    public void Broken_images_are_rows_and_too_many_exit_3()
    {
        using var folder = SomeImages.Folder(1);
        File.WriteAllText(folder["a\nb.jpg"], "no picture");
        File.WriteAllBytes(folder["empty.png"], []);
        File.WriteAllBytes(folder["half.png"], File.ReadAllBytes(folder["000.png"])[..200]);
        var outcome = Agcam.Run(
            "explain",
            folder.Path,
            folder["missing.jpg"],
            "--model",
            SomeImages.Model,
            "--json",
            "--max-failures",
            "3"
        );
        Assert.Equal(3, outcome.Code);
        var failed = outcome.Rows.Where(row => row.GetProperty("status").GetString() == "Failed").ToArray();
        Assert.Equal(["unsupported-format", "empty", "corrupt", "not-found"], failed.Select(row => row.GetProperty("reason").GetString()));
        Assert.All(failed, row => Assert.Equal(["status", "image", "reason", "detail"], Names(row)));
        Assert.DoesNotContain("   at ", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(0, Agcam.Run("explain", folder.Path, "--model", SomeImages.Model, "--max-failures", "3").Code);
    }

    [Fact]
    public void List_is_read_from_stdin()
    {
        using var folder = SomeImages.Folder(3);
        var outcome = AgcamProcess.Run(
            ["explain", "-", "--model", SomeImages.Model, "--json"],
            $"{folder["002.png"]}\n\n{folder["000.png"]}\n"
        );
        Assert.Equal(
            [folder["002.png"], folder["000.png"]],
            outcome.Rows.Select(row => row.GetProperty("image").GetProperty("path").GetString())
        );
    }

    [Fact]
    public void Quoted_glob_is_expanded()
    {
        using var folder = SomeImages.Folder(12);
        Assert.Equal(2, Agcam.Run("explain", folder["01?.png"], "--model", SomeImages.Model, "--json").Rows.Length);
    }

    [Theory]
    [InlineData("none", 0)]
    [InlineData("overlay", 2)]
    [InlineData("strip", 2)]
    [InlineData("overlay,strip", 4)]
    public void Pictures_keep_the_folders_of_their_images(string save, int pictures)
    {
        using var folder = new TemporaryFolder();
        SomeImages.Write(folder, "in/deep/er/cat.png");
        SomeImages.Write(folder, "in/deep/er/cat.bmp.png", 2);
        var outcome = Agcam.Run("explain", folder["in"], "--model", SomeImages.Model, "--out", folder["out"], "--save", save);
        Assert.Equal(0, outcome.Code);
        var found = Directory.EnumerateFiles(folder["out"], "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(pictures, found.Length);
        if (pictures > 0)
        {
            foreach (var kind in save.Split(','))
            {
                Assert.Contains(folder[$"out/deep/er/cat.bmp.{kind}.png"], found);
                var picture = AgCam.Images.ImageDecoder.Decode(File.ReadAllBytes(folder[$"out/deep/er/cat.{kind}.png"]), new());
                // The image has 50 x 40 pixels.
                Assert.True(kind == "overlay" ? (picture.Width, picture.Height) == (336, 269) : picture.Width > 3 * 300);
            }
        }

        Assert.DoesNotContain(
            Directory.EnumerateFiles(folder["out"], "*", SearchOption.AllDirectories),
            file => file.EndsWith(".tmp", StringComparison.Ordinal) || file.EndsWith(".part", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Class_is_in_the_names_of_pictures_on_request()
    {
        using var folder = SomeImages.Folder(2);
        string[] names =
        [
            "tabby, tabby cat",
            "crane",
            "crane",
            "../up/../../x y",
            "Katze & Köter/喵",
            ".",
            new string('é', 60),
            "b",
            "c",
            "d",
        ];
        File.WriteAllLines(folder["names.txt"], names);
        string[] targets =
        [
            "--target",
            "0",
            "--target",
            "1",
            "--target",
            "2",
            "--target",
            "3-vs-4",
            "--target",
            "class:5",
            "--target",
            "6",
        ];
        string[] arguments = ["explain", folder["000.png"], "--model", SomeImages.Model, "--classes", folder["names.txt"], .. targets];
        Outcome Explain(string image) =>
            Agcam.Run([
                arguments[0],
                folder[image],
                .. arguments[2..],
                "--out",
                folder["out"],
                "--save",
                "overlay,strip",
                "--class-in-names",
            ]);

        var outcome = Explain("000.png");

        Assert.True(outcome.Code == 0, outcome.Errors);
        string[] expected =
        [
            "000.tabby",
            "000.2.crane",
            "000.3.crane",
            "000.4.up-x-y-vs-Katze-Köter-喵",
            "000.5.class-5",
            $"000.6.{new string('é', 16)}",
        ];
        Assert.Equal(
            expected.SelectMany(name => new[] { $"{name}.overlay.png", $"{name}.strip.png" }).Order(StringComparer.Ordinal),
            Directory.GetFiles(folder["out"], "*.png", SearchOption.AllDirectories).Select(Path.GetFileName).Order(StringComparer.Ordinal)
        );
        Assert.Contains("0 explained, 1 done before", Explain("000.png").Output, StringComparison.Ordinal);
        File.Delete(folder["out/000.3.crane.strip.png"]);
        Assert.Contains("1 explained", Explain("000.png").Output, StringComparison.Ordinal);
        Assert.True(File.Exists(folder["out/000.3.crane.strip.png"]));

        // Another image of the same name keeps off.
        var former = File.ReadAllBytes(folder["out/000.tabby.overlay.png"]);
        SomeImages.Write(folder, "other/000.png", 7);
        Assert.Contains("1 explained", Explain("other/000.png").Output, StringComparison.Ordinal);
        Assert.Equal(former, File.ReadAllBytes(folder["out/000.tabby.overlay.png"]));
        Assert.Equal(24, Directory.GetFiles(folder["out"], "*.png").Length);
        Assert.Contains("0 explained, 1 done before", Explain("other/000.png").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_images_of_one_stem_do_not_share_a_picture()
    {
        using var folder = new TemporaryFolder();
        SomeImages.Write(folder, "in/cat.png");
        File.Copy(SomeImages.Write(folder, "other.png", 5), folder["in/cat.jpg"]); // the format is detected from the bytes
        Agcam.Run("explain", folder["in"], "--model", SomeImages.Model, "--out", folder["out"]);
        Assert.True(File.Exists(folder["out/cat.overlay.png"]));
        Assert.True(File.Exists(folder["out/cat.png.overlay.png"]));
    }

    [Fact]
    public void Signed_maps_include_the_evidence_against()
    {
        using var folder = SomeImages.Folder(1);
        var outcome = Agcam.Run(
            "explain",
            folder.Path,
            "--model",
            SomeImages.Model,
            "--json",
            "--raw",
            "--signed",
            "--colormap",
            "diverging",
            "--out",
            folder["out"]
        );
        Assert.Equal(0, outcome.Code);
        var negative = outcome.Rows[0].GetProperty("explanations")[0].GetProperty("negative");
        Assert.Equal(["heatmap", "min", "max", "sum"], Names(negative));
        Assert.All(negative.GetProperty("heatmap").EnumerateArray(), value => Assert.True(value.GetSingle() >= 0));
    }

    internal static string[] Names(JsonElement json) => [.. json.EnumerateObject().Select(entry => entry.Name)];
}
