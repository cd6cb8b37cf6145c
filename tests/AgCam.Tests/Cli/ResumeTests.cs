using System.Text.Json;
using AgCam.Tests.Models;
using Xunit;

namespace AgCam.Tests.Cli;

public class ResumeTests
{
    [Fact]
    public void Running_again_skips_what_is_done_and_shows_the_same_rows()
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
    public void Another_threshold_or_target_gives_new_rows_and_a_provenance_of_its_own()
    {
        using var folder = SomeImages.Folder(2);
        Explain(folder);
        Assert.Contains("2 explained", Explain(folder, "--threshold", "0.3").Output, StringComparison.Ordinal);
        Assert.Contains("2 explained", Explain(folder, "--target", "top:2").Output, StringComparison.Ordinal);
        Assert.Contains("0 explained, 2 done before", Explain(folder).Output, StringComparison.Ordinal);
        Assert.Equal(6, File.ReadAllLines(folder["out/explanations.jsonl"]).Length);
        Assert.Equal(3, Directory.GetFiles(folder["out"], "provenance-*.json").Length);
    }

    [Fact]
    public void A_line_that_a_crash_cut_short_is_dropped_and_made_again()
    {
        using var folder = SomeImages.Folder(3);
        Explain(folder);
        var whole = File.ReadAllBytes(folder["out/explanations.jsonl"]);
        File.WriteAllBytes(folder["out/explanations.jsonl"], whole[..^100]);
        Assert.Contains("1 explained, 2 done before", Explain(folder).Output, StringComparison.Ordinal);
        var rows = File.ReadAllLines(folder["out/explanations.jsonl"]);
        Assert.Equal(["000.png", "001.png", "002.png"], rows.Select(row => Path.GetFileName(JsonSerializer.Deserialize<JsonElement>(row).GetProperty("image").GetProperty("path").GetString())));
    }

    [Fact]
    public void A_picture_that_is_missing_is_drawn_again_without_a_second_row()
    {
        using var folder = SomeImages.Folder(3);
        Explain(folder);
        File.Delete(folder["out/001.overlay.png"]);
        Assert.Contains("1 explained, 2 done before", Explain(folder).Output, StringComparison.Ordinal);
        Assert.True(File.Exists(folder["out/001.overlay.png"]));
        Assert.Equal(3, File.ReadAllLines(folder["out/explanations.jsonl"]).Length);
    }

    [Fact]
    public void A_failure_is_tried_again_but_written_once()
    {
        using var folder = SomeImages.Folder(1);
        File.WriteAllText(folder["x.jpg"], "no picture");
        Assert.Equal(3, Explain(folder).Code);
        Assert.Equal(3, Explain(folder).Code);
        Assert.Equal(2, File.ReadAllLines(folder["out/explanations.jsonl"]).Length);
    }

    [Fact]
    public void The_provenance_s_name_is_the_hash_of_its_bytes_and_rows_refer_to_it()
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
    public void Two_runs_do_not_write_to_one_folder()
    {
        using var folder = SomeImages.Folder(1);
        Directory.CreateDirectory(folder["out"]);
        using var held = new FileStream(folder["out/explanations.jsonl"], FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        var outcome = Explain(folder);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("Is another run writing to it?", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_is_full_ends_the_run_with_one_line()
    {
        using var folder = SomeImages.Folder(60);
        Directory.CreateDirectory(folder["out"]);
        File.CreateSymbolicLink(folder["out/explanations.jsonl"], "/dev/full");
        var outcome = Explain(folder, "--save", "none", "--batch", "2");
        Assert.Equal(2, outcome.Code);
        Assert.StartsWith("agcam: ", outcome.Errors, StringComparison.Ordinal);
    }

    // Not the folder itself: the pictures below out/ are images, too.
    private static Outcome Explain(TemporaryFolder folder, params string[] more) =>
        Agcam.Run(["explain", .. Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal), "--model", SomeImages.Model, "--out", folder["out"], .. more]);
}
