using System.Text.Json;
using AgCam.Native;
using Xunit;

namespace AgCam.Cli.Tests;

public class ResumeTests
{
    [Fact]
    public void Next_run_skips_finished_images_and_prints_the_same_rows()
    {
        using var folder = SomeImages.Folder(5);
        var first = Explain(folder, "--json");
        var second = Explain(folder, "--json");
        Assert.Equal(first.Output, second.Output);
        Assert.Contains("0 explained, 5 done before", second.Errors, StringComparison.Ordinal);
        Assert.Equal(first.Output, File.ReadAllText(folder["out/explanations.jsonl"]));
    }

    [Fact]
    public void Only_a_changed_image_is_explained_again()
    {
        using var folder = SomeImages.Folder(5);
        Explain(folder);
        SomeImages.Write(folder, "003.png", seed: 77);
        Assert.Contains("1 explained, 4 done before", Explain(folder).Output, StringComparison.Ordinal);
        Assert.Equal(6, File.ReadAllLines(folder["out/explanations.jsonl"]).Length);
    }

    [Fact]
    public void Another_threshold_or_target_gives_new_rows_and_a_new_provenance()
    {
        using var folder = SomeImages.Folder(2);
        Explain(folder);
        Assert.Contains("2 explained", Explain(folder, "--threshold", "0.3").Output, StringComparison.Ordinal);
        Assert.Contains("2 explained", Explain(folder, "--target", "top:2").Output, StringComparison.Ordinal);
        Assert.Contains("0 explained, 2 done before", Explain(folder, "--target", "top:2").Output, StringComparison.Ordinal);
        Assert.Equal(6, File.ReadAllLines(folder["out/explanations.jsonl"]).Length);
        Assert.Equal(3, Directory.GetFiles(folder["out"], "provenance-*.json").Length);
    }

    [Fact]
    public void Former_options_restore_their_pictures()
    {
        using var folder = SomeImages.Folder(2);
        Explain(folder);
        var former = File.ReadAllBytes(folder["out/000.overlay.png"]);
        Explain(folder, "--opacity", "1");
        Assert.NotEqual(former, File.ReadAllBytes(folder["out/000.overlay.png"]));
        Assert.Contains("2 explained", Explain(folder).Output, StringComparison.Ordinal);
        Assert.Equal(former, File.ReadAllBytes(folder["out/000.overlay.png"]));
        Assert.Equal(6, File.ReadAllLines(folder["out/explanations.jsonl"]).Length); // the picture belongs to the newest row of a path
        Assert.Contains("0 explained, 2 done before", Explain(folder).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("out")]
    [InlineData(".")]
    [InlineData("a/b")]
    public void Pictures_of_a_run_are_not_explained(string place)
    {
        using var folder = SomeImages.Folder(2);
        SomeImages.Write(folder, "a/2.png");
        string[] arguments = ["explain", folder.Path, "--model", SomeImages.Model, "--out", folder[place]];
        Assert.Equal(0, Agcam.Run(arguments).Code);
        Assert.Contains("0 explained, 3 done before", Agcam.Run(arguments).Output, StringComparison.Ordinal);
        Assert.Equal(3, File.ReadAllLines(folder[place + "/explanations.jsonl"]).Length);
        arguments[1] = folder["*/*.png"];
        Agcam.Run(arguments);
        Assert.Equal(3, File.ReadAllLines(folder[place + "/explanations.jsonl"]).Length);
        // A picture that is named explicitly is explained.
        arguments[1] = Directory.GetFiles(folder[place], "*.overlay.png", SearchOption.AllDirectories)[0];
        Assert.Contains("1 explained", Agcam.Run(arguments).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_of_one_name_keep_their_pictures_from_run_to_run()
    {
        using var folder = new TemporaryFolder();
        foreach (var (kind, seed) in new[] { ("cat", 1), ("dog", 2), ("eel", 3) })
            SomeImages.Write(folder, $"val/{kind}/001.png", seed);
        Outcome Explain(string kind) => Agcam.Run("explain", folder[$"val/{kind}"], "--model", SomeImages.Model, "--out", folder["out"]);
        Explain("cat");
        var cat = File.ReadAllBytes(folder["out/001.overlay.png"]);
        Explain("dog");
        Explain("eel");
        Assert.Equal(cat, File.ReadAllBytes(folder["out/001.overlay.png"]));
        Assert.Equal(
            3,
            Directory.GetFiles(folder["out"], "*.overlay.png").Select(File.ReadAllBytes).DistinctBy(Convert.ToHexString).Count()
        );
        foreach (var kind in new[] { "eel", "cat", "dog" })
            Assert.Contains("0 explained, 1 done before", Explain(kind).Output, StringComparison.Ordinal);
        // Another program's file is not overwritten.
        File.Copy(folder["val/cat/001.png"], folder["out/002.overlay.png"]);
        SomeImages.Write(folder, "val/cat/002.png");
        Explain("cat");
        Assert.Equal(File.ReadAllBytes(folder["val/cat/001.png"]), File.ReadAllBytes(folder["out/002.overlay.png"]));
        Assert.True(File.Exists(folder["out/002.png.overlay.png"]));
    }

    [Theory]
    [InlineData('k', 250)]
    [InlineData('\u0436', 125)]
    [InlineData('k', 199)]
    public void Name_of_maximum_length_has_a_picture(char letter, int length)
    {
        using var folder = new TemporaryFolder();
        var (a, b) = (new string(letter, length), new string(letter, length - 1) + "b"); // differ after truncation
        SomeImages.Write(folder, $"in/{a}.png", 1);
        SomeImages.Write(folder, $"in/{b}.png", 2);
        Outcome Explain() => Agcam.Run("explain", folder["in"], "--model", SomeImages.Model, "--out", folder["out"], "--target", "top:2");
        Assert.Equal(0, Explain().Code);
        Assert.Equal(4, Directory.GetFiles(folder["out"], "*.overlay.png").Length);
        Assert.Contains("0 explained, 2 done before", Explain().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_an_experimental_backend_are_not_reused()
    {
        using var folder = SomeImages.Folder(1);
        using var torch = LinkedLibTorch.Of("2.14.0");
        (string, string)[] experimental =
        [
            (NativeBackend.FolderVariable, torch["lib"]),
            (NativeBackend.ExperimentalVariable, "1"),
            ("XDG_CACHE_HOME", torch["cache"]),
        ];
        string[] arguments = ["explain", folder.Path, "--model", SomeImages.Model, "--out", folder["out"]];
        Assert.Contains("1 explained", AgcamProcess.Run(arguments, "", experimental).Output, StringComparison.Ordinal);
        Assert.Contains("0 explained, 1 done before", AgcamProcess.Run(arguments, "", experimental).Output, StringComparison.Ordinal);
        Assert.Contains("1 explained", AgcamProcess.Run(arguments).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Line_truncated_by_a_crash_is_replaced()
    {
        using var folder = SomeImages.Folder(3);
        Explain(folder);
        var whole = File.ReadAllBytes(folder["out/explanations.jsonl"]);
        File.WriteAllBytes(folder["out/explanations.jsonl"], whole[..^100]);
        Assert.Contains("1 explained, 2 done before", Explain(folder).Output, StringComparison.Ordinal);
        var rows = File.ReadAllLines(folder["out/explanations.jsonl"]);
        Assert.Equal(
            ["000.png", "001.png", "002.png"],
            rows.Select(row =>
                Path.GetFileName(JsonSerializer.Deserialize<JsonElement>(row).GetProperty("image").GetProperty("path").GetString())
            )
        );
    }

    [Fact]
    public void Missing_picture_is_drawn_again_without_a_second_row()
    {
        using var folder = SomeImages.Folder(3);
        Explain(folder);
        File.Delete(folder["out/001.overlay.png"]);
        Assert.Contains("1 explained, 2 done before", Explain(folder).Output, StringComparison.Ordinal);
        Assert.True(File.Exists(folder["out/001.overlay.png"]));
        Assert.Equal(3, File.ReadAllLines(folder["out/explanations.jsonl"]).Length);
    }

    [Fact]
    public void Missing_picture_of_every_target_is_drawn_again()
    {
        using var folder = SomeImages.Folder(2);
        Explain(folder, "--target", "top:3");
        File.Delete(folder["out/001.3.overlay.png"]);
        Assert.Contains("1 explained, 1 done before", Explain(folder, "--target", "top:3").Output, StringComparison.Ordinal);
        Assert.True(File.Exists(folder["out/001.3.overlay.png"]));
    }

    [Fact]
    public void Row_without_explanations_is_finished()
    {
        using var folder = SomeImages.Folder(2);
        File.WriteAllText(folder["labels.csv"], "path,label\n000.png,3\n");
        string[] labels = ["--target", "label", "--labels", folder["labels.csv"]];
        Assert.Contains("2 explained", Explain(folder, labels).Output, StringComparison.Ordinal);
        Assert.Contains("0 explained, 2 done before", Explain(folder, labels).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Returning_failure_is_written_again()
    {
        using var folder = SomeImages.Folder(1);
        foreach (var good in new[] { false, true, false, true })
        {
            if (good)
                SomeImages.Write(folder, "x.png");
            else
                File.WriteAllText(folder["x.png"], "no picture");
            Assert.Equal(good ? 0 : 3, Explain(folder).Code);
        }

        Assert.Equal(
            ["Completed", "Failed", "Completed", "Failed", "Completed"],
            File.ReadAllLines(folder["out/explanations.jsonl"])
                .Select(row => JsonSerializer.Deserialize<JsonElement>(row).GetProperty("status").GetString())
        );
    }

    [Fact]
    public void Failure_is_retried_but_written_once()
    {
        using var folder = SomeImages.Folder(1);
        File.WriteAllText(folder["x.jpg"], "no picture");
        Assert.Equal(3, Explain(folder).Code);
        Assert.Equal(3, Explain(folder).Code);
        Assert.Equal(2, File.ReadAllLines(folder["out/explanations.jsonl"]).Length);
    }

    [Fact]
    public void Provenance_is_named_by_its_hash_and_rows_refer_to_it()
    {
        using var folder = SomeImages.Folder(1);
        Explain(folder);
        var file = Assert.Single(Directory.GetFiles(folder["out"], "provenance-*.json"));
        var id = Digest.Of(File.ReadAllBytes(file)).ToString();
        Assert.Equal($"provenance-{id}.json", Path.GetFileName(file));
        var row = JsonSerializer.Deserialize<JsonElement>(File.ReadAllLines(folder["out/explanations.jsonl"])[0]);
        Assert.Equal(id, row.GetProperty("provenance").GetString());
        var record = JsonSerializer.Deserialize<JsonElement>(File.ReadAllBytes(file));
        Assert.Equal(row.GetProperty("model").GetProperty("sha256").GetString(), record.GetProperty("modelSha256").GetString());
        Assert.Equal(0.5, record.GetProperty("run").GetProperty("threshold").GetDouble());
    }

    [Fact]
    public void Second_run_in_the_same_folder_is_refused()
    {
        using var folder = SomeImages.Folder(1);
        Directory.CreateDirectory(folder["out"]);
        using var held = new FileStream(folder["out/explanations.jsonl"], FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        var outcome = Explain(folder);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("Is another run writing to it?", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Full_disk_ends_the_run_with_one_line()
    {
        using var folder = SomeImages.Folder(60);
        Directory.CreateDirectory(folder["out"]);
        File.CreateSymbolicLink(folder["out/explanations.jsonl"], "/dev/full");
        var outcome = Explain(folder, "--save", "none", "--batch", "2");
        Assert.Equal(2, outcome.Code);
        Assert.StartsWith("agcam: ", outcome.Errors, StringComparison.Ordinal);
    }

    private static Outcome Explain(TemporaryFolder folder, params string[] more) =>
        Agcam.Run(["explain", folder.Path, "--model", SomeImages.Model, "--out", folder["out"], .. more]);
}
