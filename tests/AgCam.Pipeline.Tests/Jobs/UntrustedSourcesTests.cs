using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using AgCam.Evaluation.Datasets.Masks;
using AgCam.Images;
using AgCam.Pipeline.Jobs.Sources;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

/// <summary>Replaces each file and folder that a source opens by a link, a pipe, a device or a folder.</summary>
[Collection(ParquetManifestTests.Memory)]
public sealed class UntrustedSourcesTests : IDisposable
{
    private const string Secret = "hunter2";

    /// <summary>Opening a pipe without a writer would block for ever.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-tests").FullName;
    private readonly string _outside = Directory.CreateTempSubdirectory("agcam-outside").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Source, file that it opens, and valid content of that file with the secret.</summary>
    private static readonly (string Source, string File, string Content)[] Opened =
    [
        ("manifest:m.csv", "m.csv", $"{Secret},password\n1,2\n"),
        ("manifest:m.tsv", "m.tsv", $"path\t{Secret}\na.jpg\t{Secret}\n"),
        ("manifest:m.jsonl", "m.jsonl", $"{{\"path\": \"{Secret}.jpg\"}}\n"),
        ("manifest:m.ndjson", "m.ndjson", $"{Secret}:x:0:0"),
        ("manifest:m.parquet", "m.parquet", $"{Secret} is no Parquet file {Secret}"),
        ("dataset:meta", "meta/metadata.csv", $"{Secret},password\n1,2\n"),
        ("dataset:meta", "meta/metadata.jsonl", $"{{\"file_name\": \"{Secret}.jpg\"}}\n"),
        ("dataset:meta", "meta/metadata.parquet", $"{Secret} is no Parquet file {Secret}"),
        ("dataset:one.csv", "one.csv", $"file_name,label\n{Secret}.jpg,{Secret}\n"),
        (
            "dataset:coco.json",
            "coco.json",
            $$"""{"images": [{"id": 1, "file_name": "{{Secret}}.jpg"}], "annotations": [], "categories": []}"""
        ),
        ("dataset:cub", "cub/images.txt", $"1 {Secret}.jpg\n"),
        ("dataset:cub", "cub/image_class_labels.txt", $"1 {Secret}\n{Secret}\n"),
        ("dataset:cub", "cub/classes.txt", $"1 {Secret}\n"),
        ("dataset:cub", "cub/bounding_boxes.txt", $"{Secret}\n"),
        ("dataset:cub", "cub/train_test_split.txt", $"{Secret}\n"),
        ("dataset:voc", "voc/Annotations/a.xml", Annotation(Secret)),
    ];

    /// <summary>Source and folder that it lists.</summary>
    private static readonly (string Source, string Folder, string File)[] Listed =
    [
        ("folder:pictures", "pictures/more", $"{Secret}.jpg"),
        ("classes:pictures", "pictures/more", $"{Secret}/1.jpg"),
        ("dataset:pictures", "pictures/more", $"{Secret}.jpg"),
        ("dataset:meta", "meta/more", $"{Secret}.jpg"),
        ("dataset:voc", "voc/Annotations/more", $"{Secret}.xml"),
        ("dataset:voc", "voc/JPEGImages", $"{Secret}.jpg"),
    ];

    public static TheoryData<string, string> Files() => [.. Opened.Select(item => (item.Source, item.File))];

    public static TheoryData<string, string> Folders() => [.. Listed.Select(item => (item.Source, item.Folder))];

    public UntrustedSourcesTests()
    {
        Write("pictures/a.jpg", "x");
        Write("m.csv", "path\na.jpg\n");
        Write("m.tsv", "path\na.jpg\n");
        Write("m.jsonl", "{\"path\": \"a.jpg\"}\n");
        Write("m.ndjson", "{\"path\": \"a.jpg\"}\n");
        Write("m.parquet", "");
        Write("meta/a.jpg", "x");
        Write("meta/metadata.csv", "file_name,label\na.jpg,cat\n");
        Write("one.csv", "file_name,label\na.jpg,cat\n");
        Write("coco.json", """{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []}""");
        Write("cub/images.txt", "1 a.jpg\n");
        Write("cub/image_class_labels.txt", "1 1\n");
        Write("cub/classes.txt", "1 auk\n");
        Write("cub/bounding_boxes.txt", "1 1 1 2 2\n");
        Write("cub/train_test_split.txt", "1 0\n");
        Write("voc/Annotations/a.xml", Annotation("cat"));
        Write("voc/JPEGImages/a.jpg", "x");
    }

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_outside, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Link_out_of_the_roots_is_not_opened(string source, string file)
    {
        var target = Path.Combine(_outside, Path.GetFileName(file));
        File.WriteAllText(target, Opened.Single(item => item.File == file).Content);
        Replace(file, place => File.CreateSymbolicLink(place, target));
        var (failure, images) = await WalkAsync(source);
        AssertKeepsSecret(failure, images);
        if (source != "dataset:voc") // only the one annotation fails
            Assert.Contains("not below a folder", failure);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Pipe_is_not_waited_for(string source, string file)
    {
        Replace(file, place => Process.Start("mkfifo", place).WaitForExit());
        var (failure, images) = await WalkAsync(source);
        AssertIsNoFile(source, failure, images);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Device_is_not_read(string source, string file)
    {
        Replace(file, place => File.CreateSymbolicLink(place, "/dev/zero"));
        var (failure, images) = await WalkAsync(source, "/dev");
        if (file == source[(source.IndexOf(':', StringComparison.Ordinal) + 1)..])
            Assert.Contains("/dev/zero", failure); // the error names the real path, which has no extension
        else
            AssertIsNoFile(source, failure, images);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Folder_in_place_of_a_file_is_answered(string source, string file)
    {
        Replace(file, place => Directory.CreateDirectory(place));
        await WalkAsync(source); // must return
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task Linked_folder_outside_the_roots_is_not_listed(string source, string folder)
    {
        var file = Path.Combine(_outside, Listed.Single(item => item == (source, folder, item.File)).File);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, Secret);
        Replace(folder, place => Directory.CreateSymbolicLink(place, _outside));
        var (failure, images) = await WalkAsync(source);
        AssertKeepsSecret(failure, images);
    }

    [Theory]
    [InlineData("link", ReferenceFailure.NotAllowed)]
    [InlineData("pipe", ImageFailure.NotAFile)]
    [InlineData("device", ImageFailure.NotAFile)]
    [InlineData("folder", ImageFailure.NotAFile)]
    public void Mask_is_read_under_the_rules_of_images(string kind, string reason)
    {
        Action<string> put = kind switch
        {
            "link" => place => File.CreateSymbolicLink(place, Path.Combine(_outside, "mask.png")),
            "pipe" => place => Process.Start("mkfifo", place).WaitForExit(),
            "device" => place => File.CreateSymbolicLink(place, "/dev/zero"),
            _ => place => Directory.CreateDirectory(place),
        };
        File.WriteAllText(Path.Combine(_outside, "mask.png"), Secret);
        put(In("mask.png"));
        using var references = new ReferenceReader(new ReferenceOptions { Roots = [_folder, "/dev"] }, null!);
        var failure = Assert.Throws<ImageException>(() =>
            new PictureMask(In("mask.png")).Draw(new MaskPixel[1], 1, 1, ImageLimits.Default, references.Files)
        );
        Assert.Equal(reason, failure.Reason);
    }

    [Fact]
    public void Code_that_reads_named_files_opens_none_itself()
    {
        string[] folders =
        [
            "src/AgCam.Evaluation/Datasets",
            "src/AgCam/Tables",
            "src/AgCam.Pipeline/Jobs",
            "src/AgCam.Worker/Evaluations",
            "src/AgCam.Api/Resources",
            "src/AgCam.Api/Rendering",
        ];
        var files = folders
            .SelectMany(folder => Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories))
            .ToList();
        Assert.True(files.Count > 40, $"only {files.Count} files were found");
        var opening = new Regex(
            @"\b(File|Directory)\.[A-Z]|\b(File|Directory)Info\b|new FileStream|ImageFiles\.Find|ReadFile\(|LocalFiles"
                + @"|XmlReader\.Create\(\w*(file|path|name)"
        );
        string[] allowed = ["IlsvrcDataset.cs", "Dataset.cs", "GuardedFiles.cs"]; // used by the command line only
        Assert.Empty(
            files
                .Where(file => !allowed.Contains(Path.GetFileName(file)) && opening.IsMatch(File.ReadAllText(file)))
                .Select(Path.GetFileName)
        );
    }

    [Theory]
    [InlineData("manifest:x.csv", $"{Secret},password\n1,2\n")]
    [InlineData("manifest:x.jsonl", $"{Secret}:x:0:0\n")]
    [InlineData("manifest:x.jsonl", $"{{\"{Secret}\": \"1\"}}\n")]
    [InlineData("manifest:x.parquet", $"{Secret} is no Parquet file {Secret}")]
    [InlineData("dataset:x.csv", $"{Secret},password\n1,2\n")]
    [InlineData("dataset:x.jsonl", $"{Secret}:x:0:0\n")]
    [InlineData("dataset:x.json", $"{Secret}:x:0:0\n")]
    [InlineData("dataset:cub", $"{Secret}\n")]
    public async Task Error_does_not_quote_a_file_that_is_no_list_of_images(string source, string content)
    {
        Write(
            source.EndsWith("cub", StringComparison.Ordinal)
                ? "cub/images.txt"
                : source[(source.IndexOf(':', StringComparison.Ordinal) + 1)..],
            content
        );
        var (failure, images) = await WalkAsync(source);
        Assert.NotNull(failure);
        AssertKeepsSecret(failure, images);
        Assert.DoesNotContain("'h'", failure, StringComparison.Ordinal); // System.Text.Json quotes the character at which it stops
    }

    [Theory]
    [InlineData("a stray quote among 60,000 rows")]
    [InlineData("2.4 million empty lines in a quote")]
    [InlineData("one row without end")]
    [InlineData("one field without end")]
    [InlineData("a million fields")]
    public async Task Hostile_csv_takes_linear_time(string kind)
    {
        File.WriteAllText(
            In("m.csv"),
            kind switch
            {
                "a stray quote among 60,000 rows" => Rows(10),
                "2.4 million empty lines in a quote" => "path\n\"" + new string('\n', 2_400_000),
                "one row without end" => "path\n" + new string(',', 20_000_000),
                "one field without end" => "path\n" + new string('x', 20_000_000),
                _ => string.Concat(Enumerable.Repeat("a,", 1_000_000)) + "path\na.jpg\n",
            }
        );
        var watch = Stopwatch.StartNew();
        var (failure, _) = await WalkAsync("manifest:m.csv");
        TestContext.Current.TestOutputHelper?.WriteLine($"{kind}: {watch.Elapsed.TotalSeconds:0.00} s, {failure}");
        Assert.NotNull(failure);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(60));

        static string Rows(int stray)
        {
            var text = new StringBuilder("path,label\n");
            for (var i = 0; i < 60_000; i++)
                text.Append("s3://data/pets/a-folder-with-a-name/").Append(i).Append(i == stray ? "\"" : "").Append(".jpg,cat\n");
            return text.ToString();
        }
    }

    [Fact]
    public async Task Endless_line_is_refused_before_it_fills_memory()
    {
        using (var file = File.Create(In("m.jsonl")))
            file.SetLength(4L << 30); // sparse: takes no space
        var (failure, _) = await WalkAsync("manifest:m.jsonl");
        Assert.Contains("line 1", failure);
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(-1)]
    [InlineData(1 << 30)]
    [InlineData(0)]
    public async Task Parquet_footer_that_claims_more_than_the_file_is_refused(int claimed)
    {
        File.WriteAllBytes(In("m.parquet"), [.. "PAR1"u8, .. new byte[64], .. BitConverter.GetBytes(claimed), .. "PAR1"u8]);
        var (failure, _) = await WalkAsync("manifest:m.parquet");
        Assert.Contains("m.parquet is not a readable Parquet file", failure);
    }

    private static string Annotation(string name) =>
        $"<annotation><object><name>{name}</name>"
        + "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object></annotation>";

    private static void AssertKeepsSecret(string? failure, IReadOnlyList<ImageReference> images)
    {
        Assert.DoesNotContain(Secret, failure ?? "", StringComparison.Ordinal);
        Assert.All(
            images,
            image =>
                Assert.DoesNotContain(
                    Secret,
                    $"{image.Uri} {image.Label} {string.Join(" ", image.Metadata?.Values ?? [])}",
                    StringComparison.Ordinal
                )
        );
    }

    private static void AssertIsNoFile(string source, string? failure, IReadOnlyList<ImageReference> images)
    {
        if (source == "dataset:voc")
            Assert.All(images, image => Assert.Null(image.Label));
        else
            Assert.Contains("is a pipe, socket or device, not a file", failure);
    }

    private async Task<(string? Failure, IReadOnlyList<ImageReference> Images)> WalkAsync(string source, params string[] moreRoots)
    {
        var (kind, path) = source.Split(':') is [var before, var after] ? (before, after) : throw new ArgumentException(source);
        var spec = kind == "dataset" ? Some.Evaluation(In(path)) : Some.Spec($"{kind}:{In(path)}");
        using var references = new ReferenceReader(new ReferenceOptions { Roots = [_folder, .. moreRoots] }, null!);
        var images = new List<ImageReference>();
        var walking = Task.Run(async () =>
        {
            await foreach (var image in ImageSource.Open(spec, references, null!).WalkAsync(new PlanTail(0, 0, null), Cancel))
                images.Add(image);
        });
        try
        {
            await walking.WaitAsync(Limit, Cancel);
            return (null, images);
        }
        catch (SourceException failure)
        {
            return (failure.Message, images);
        }
    }

    private void Replace(string name, Action<string> put)
    {
        // The first file that can describe the folder is used.
        if (name.StartsWith("meta/metadata", StringComparison.Ordinal))
            File.Delete(In("meta/metadata.csv"));
        if (Directory.Exists(In(name)))
            Directory.Delete(In(name), recursive: true);
        File.Delete(In(name));
        put(In(name));
    }

    private void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllText(In(name), content);
    }

    private string In(string name) => Path.Combine(_folder, name);
}
