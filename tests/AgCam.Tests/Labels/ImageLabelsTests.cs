using AgCam.Labels;
using Parquet.Serialization;
using Xunit;

namespace AgCam.Tests.Labels;

public class ImageLabelsTests
{
    private static readonly ClassNames Classes = new(
        3,
        ["tench", "tabby, tabby cat", "mountain bike"],
        ["n01440764", "n02123045", "n03792782"]
    );

    [Theory]
    [InlineData("l.csv", "path,label\na.jpg,tench\nb/c.jpg,n02123045\nd.jpg,2\n")]
    [InlineData("l.csv", "label;split;file_name\ntench;train;a.jpg\ntabby;val;b/c.jpg\nmountain_bike;val;d.jpg\n")]
    [InlineData("l.tsv", "a.jpg\ttench\nb/c.jpg\ttabby cat\nd.jpg\tmountain bike\n")]
    [InlineData("l.csv", "\"a.jpg\",tench\r\n\"b/c.jpg\",\"tabby, tabby cat\"\r\nd.jpg,2\r\n")]
    [InlineData(
        "l.jsonl",
        "{\"file_name\":\"a.jpg\",\"label\":0,\"more\":[1]}\n{\"file_name\":\"./b/c.jpg\",\"label\":\"tabby\"}\n\n"
            + "{\"file_name\":\"d.jpg\",\"label\":\"2\"}\n"
    )]
    public void Every_form_of_a_label_is_read(string name, string text)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder[name], text);
        var labels = ImageLabels.FromFile(folder[name], Classes, []);
        Assert.Equal([0, 1, 2], new[] { "a.jpg", "b/c.jpg", "d.jpg" }.Select(path => labels.Find(folder[path])?.Class));
        Assert.Null(labels.Find(folder["other.jpg"]));
    }

    [Fact]
    public async Task Parquet_holds_labels_as_text_or_integers()
    {
        using var folder = new TemporaryFolder();
        await ParquetSerializer.SerializeAsync(
            [new Numbered { path = "a.jpg", label = 2 }, new Numbered { path = "b.jpg", label = 0 }],
            folder["n.parquet"],
            cancellationToken: TestContext.Current.CancellationToken
        );
        await ParquetSerializer.SerializeAsync(
            [new Named { file_name = "a.jpg", label = "tabby" }],
            folder["t.parquet"],
            cancellationToken: TestContext.Current.CancellationToken
        );
        var numbered = ImageLabels.FromFile(folder["n.parquet"], Classes, []);
        Assert.Equal([2, 0], new[] { "a.jpg", "b.jpg" }.Select(path => numbered.Find(folder[path])?.Class));
        Assert.Equal(1, ImageLabels.FromFile(folder["t.parquet"], Classes, []).Find(folder["a.jpg"])?.Class);
    }

    [Fact]
    public void Relative_paths_resolve_from_the_images_folder_too()
    {
        using var folder = new TemporaryFolder();
        using var images = new TemporaryFolder();
        File.WriteAllText(folder["l.csv"], "sub/a.jpg,1\n");
        Assert.Equal(1, ImageLabels.FromFile(folder["l.csv"], Classes, [images.Path]).Find(images["sub/a.jpg"])?.Class);
    }

    [Fact]
    public void Columns_can_be_named()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["l.csv"], "picture,label,truth\na.jpg,0,1\n");
        Assert.Equal(1, ImageLabels.FromFile(folder["l.csv"], Classes, [], ("picture", "truth")).Find(folder["a.jpg"])?.Class);
        Assert.Contains(
            "no column \"nope\"",
            Assert.Throws<LabelException>(() => ImageLabels.FromFile(folder["l.csv"], Classes, [], ("picture", "nope"))).Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("l.csv", "", "holds no labels")]
    [InlineData("l.csv", "a.jpg,0\na.jpg,1\n", "labelled \"1\", but \"0\" before")]
    [InlineData("l.csv", "path,label\na.jpg\n", "too few")]
    [InlineData("l.csv", "path,label\na.jpg,\n", "the label is empty")]
    [InlineData("l.csv", "a.jpg,zebra\n", "is a class of the model")]
    [InlineData("l.jsonl", "{\"a\":1}\n", "neither path nor file_name")]
    [InlineData("l.jsonl", "[1]\n", "is not a JSON object")]
    [InlineData("l.parquet", "not parquet", "is not a readable Parquet file")]
    public void Invalid_table_is_an_error_with_the_reason(string name, string text, string message)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder[name], text);
        Assert.Contains(
            message,
            Assert.Throws<LabelException>(() => ImageLabels.FromFile(folder[name], Classes, [])).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Folders_are_labels()
    {
        var labels = ImageLabels.FromFolders(Classes);
        Assert.Equal(new ImageLabel("tabby", 1), labels.Find("/data/val/tabby/x.jpg"));
        Assert.Equal(new ImageLabel("n03792782", 2), labels.Find("/data/val/n03792782/x.jpg"));
        Assert.Equal(new ImageLabel("zebra", null), labels.Find("/data/val/zebra/x.jpg"));
        labels.ThrowIfNoneMatches(["/data/val/zebra/x.jpg"]);
    }

    [Fact]
    public void File_that_labels_none_of_the_images_is_an_error_with_the_paths_that_were_looked_for()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["l.csv"], "train/a.jpg,tench\nb.jpg,tench\n");
        var labels = ImageLabels.FromFile(folder["l.csv"], Classes, [folder["val"]]);
        labels.ThrowIfNoneMatches([]);
        labels.ThrowIfNoneMatches([folder["val/c.jpg"], folder["val/b.jpg"]]);
        var message = Assert.Throws<LabelException>(() => labels.ThrowIfNoneMatches([folder["val/a.jpg"], folder["val/c.jpg"]])).Message;
        Assert.StartsWith($"{folder["l.csv"]} labels none of the images. ", message, StringComparison.Ordinal);
        Assert.Contains($"looked for in it as {folder["val/a.jpg"]}, val/a.jpg, a.jpg", message, StringComparison.Ordinal);
        Assert.Contains("the file has e.g. train/a.jpg.", message, StringComparison.Ordinal);
    }

    private sealed class Numbered
    {
        public string path { get; set; } = "";

        public long label { get; set; }
    }

    private sealed class Named
    {
        public string file_name { get; set; } = "";

        public string? label { get; set; }
    }
}
