using AgCam.Evaluation.Datasets;
using AgCam.Heatmaps;
using AgCam.Pipeline.Jobs.Sources;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

public sealed class SourcesTests : IDisposable
{
    private static readonly PlanTail Start = new(0, 0, null);

    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-tests").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Folder_lists_its_images_in_order()
    {
        Write("b.jpg", "a/z.png", "a.jpg", "notes.txt", "a-b/c.png");
        Assert.Equal(
            [In("a-b/c.png"), In("a.jpg"), In("a/z.png"), In("b.jpg")],
            (await WalkAsync($"folder:{_folder}")).Select(image => image.Uri)
        );
    }

    [Fact]
    public async Task Planning_of_a_folder_resumes_after_the_last_image_although_files_have_changed()
    {
        Write("a.jpg", "c.jpg", "d.jpg", "aa.jpg");
        Assert.Equal(
            [In("c.jpg"), In("d.jpg")],
            (await WalkAsync($"folder:{_folder}", tail: new PlanTail(1, 2, In("b.jpg")))).Select(image => image.Uri)
        );
    }

    [Fact]
    public async Task Class_folders_label_their_images()
    {
        Write("cat/1.jpg", "dog/deep/2.jpg", "loose.jpg");
        Assert.Equal(["cat", "dog", null], (await WalkAsync($"classes:{_folder}")).Select(image => image.Label));
    }

    [Fact]
    public async Task Csv_may_quote_separators_line_ends_and_quotes()
    {
        File.WriteAllText(In("m.csv"), "image,class,note\r\n\"a,1.jpg\",cat,\"said \"\"hi\"\"\nand left\"\r\n\r\nsub/b.jpg,,\r\n");
        var rows = await WalkAsync($"manifest:{In("m.csv")}");
        Assert.Equal([In("a,1.jpg"), In("sub/b.jpg")], rows.Select(row => row.Uri));
        Assert.Equal(["cat", null], rows.Select(row => row.Label));
        Assert.Equal("said \"hi\"\nand left", rows[0].Metadata!["note"]);
    }

    [Fact]
    public async Task Json_lines_may_name_their_columns()
    {
        File.WriteAllText(
            In("m.jsonl"),
            """
            {"where": "s3://bucket/a.jpg", "truth": "cat", "fold": 3, "nested": {"x": 1}, "nothing": null}

            {"where": "https://example.org/b.jpg", "fold": 4}
            """
        );
        var rows = await WalkAsync(
            $"manifest:{In("m.jsonl")}",
            new()
            {
                ["column.path"] = "where",
                ["column.label"] = "truth",
                ["column.split"] = "fold",
            }
        );
        Assert.Equal([ReferenceKind.S3, ReferenceKind.Http], rows.Select(row => row.Kind));
        Assert.Equal(["cat", null], rows.Select(row => row.Label));
        Assert.Equal(["3", "4"], rows.Select(row => row.Split));
        Assert.All(rows, row => Assert.Null(row.Metadata));
    }

    [Fact]
    public async Task Boxes_of_a_manifest_become_metadata_and_other_nested_values_do_not()
    {
        const string Objects = "{\"bbox\": [[1, 2, 3, 4]], \"category\": [\"cat\"]}";
        var many = string.Join(", ", Enumerable.Repeat("[1, 2, 3, 4]", 300));
        File.WriteAllText(
            In("m.jsonl"),
            $$$"""
            {"path": "a.jpg", "light": "day", "mark": [1, 2], "objects": {{{Objects}}}}
            {"path": "b.jpg", "objects": {"bbox": [{{{many}}}]}}
            {"path": "c.jpg", "objects": {"bbox": [{{{many}}}, {{{many}}}, {{{many}}}, {{{many}}}, {{{many}}}]}}
            """
        );
        var rows = await WalkAsync($"manifest:{In("m.jsonl")}");
        Assert.Equal(new Dictionary<string, string> { ["objects"] = Objects, ["light"] = "day" }, rows[0].Metadata);
        Assert.Equal(300, Annotation.Read(rows[1].Metadata!["objects"]).Boxes.Count);
        Assert.Equal((16_384, '…'), (rows[2].Metadata!["objects"].Length, rows[2].Metadata!["objects"][^1]));
        Assert.All(rows, row => Assert.Null(row.Refused));
    }

    [Fact]
    public async Task Column_of_boxes_is_kept_beside_a_thousand_others()
    {
        var names = Enumerable.Range(0, 1000).Select(i => $"c{i}");
        File.WriteAllText(In("m.csv"), $"path,{string.Join(',', names)},objects\na.jpg{new string(',', 1000)},\"[[1,2,3,4]]\"\n");
        Assert.Equal("[[1,2,3,4]]", (await WalkAsync($"manifest:{In("m.csv")}"))[0].Metadata!["objects"]);
    }

    [Fact]
    public async Task Dataset_without_an_evaluation_lists_each_image_once_with_all_its_boxes()
    {
        Write("a.jpg", "b.jpg", "c.jpg");
        File.WriteAllText(
            In("coco.json"),
            """
            {"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"id": 3, "file_name": "c.jpg"}],
             "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
             "annotations": [{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]},
                             {"image_id": 1, "category_id": 1, "bbox": [5, 6, 7, 8.5]},
                             {"image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4]},
                             {"image_id": 2, "category_id": 1, "bbox": [2, 2, 3, 4]},
                             {"image_id": 3, "category_id": 9, "bbox": [1, 2, 3, 4]}]}
            """
        );
        var images = await WalkAsync($"dataset:{In("coco.json")}");
        Assert.Equal([In("a.jpg"), In("b.jpg"), In("c.jpg")], images.Select(image => image.Uri));
        Assert.Equal([null, "cat", null], images.Select(image => image.Label)); // the first shows two classes
        var annotations = images.Select(image => Annotation.Read(image.Metadata!["objects"])).ToList();
        Assert.Equal([("cat", new BoundingBox(5, 6, 7, 8.5)), ("dog", new BoundingBox(1, 2, 3, 4))], annotations[0].Boxes);
        Assert.Equal(2, annotations[1].Boxes.Count);
        Assert.Equal(SkipReason.BrokenAnnotation, annotations[2].WithoutBoxes);
        Assert.All(images, image => Assert.NotNull(image.Stamp));
        Assert.Equal(
            [In("c.jpg")],
            (await WalkAsync($"dataset:{In("coco.json")}", tail: new PlanTail(1, 2, In("b.jpg")))).Select(image => image.Uri)
        );
    }

    [Fact]
    public async Task Each_json_line_may_have_its_own_fields()
    {
        File.WriteAllText(
            In("m.jsonl"),
            """
            {"path": "a.jpg", "label": null}
            {"image": "b.jpg", "label": "cat", "split": "val"}
            {"path": "c.jpg", "class": "dog"}
            """
        );
        var rows = await WalkAsync($"manifest:{In("m.jsonl")}");
        Assert.Equal([In("a.jpg"), In("b.jpg"), In("c.jpg")], rows.Select(row => row.Uri));
        Assert.Equal([null, "cat", "dog"], rows.Select(row => row.Label));
        Assert.Equal([null, "val", null], rows.Select(row => row.Split));
        File.WriteAllText(
            In("n.jsonl"),
            """
            {"path": "a.jpg"}
            {"path": "b.jpg", "truth": "cat"}
            """
        );
        Assert.Equal(
            [null, "cat"],
            (await WalkAsync($"manifest:{In("n.jsonl")}", new() { ["column.label"] = "truth" })).Select(row => row.Label)
        );
    }

    [Fact]
    public async Task Unnamed_columns_are_ignored_and_long_values_truncated()
    {
        // The unnamed first column is the index that pandas writes.
        File.WriteAllText(In("m.csv"), $",path,caption,{new string('n', 257)}\n0,a.jpg,{new string('x', 1022)}\U0001F408y,1\n");
        var row = Assert.Single(await WalkAsync($"manifest:{In("m.csv")}"));
        Assert.Equal((In("a.jpg"), null), (row.Uri, row.Refused));
        Assert.Equal(new string('x', 1022) + "…", Assert.Single(row.Metadata!).Value);
    }

    [Theory]
    [InlineData("s3://bucket", "the column path must be s3://bucket/key")]
    [InlineData("s3://bucket/../x.jpg", "the column path must be s3://bucket/key")]
    [InlineData("https://", "the column path must be an absolute http or https address")]
    [InlineData("a\0.jpg", "none of them zero")]
    [InlineData("", "the column path must have 1 to 4096 characters")]
    public async Task Row_without_an_address_is_refused_alone_by_its_number(string path, string said)
    {
        File.WriteAllText(In("m.csv"), $"path\na.jpg\n\"{path}\"\nc.jpg\n");
        var rows = await WalkAsync($"manifest:{In("m.csv")}");
        Assert.Equal([In("a.jpg"), In("c.jpg")], rows.Where(row => row.Refused is null).Select(row => row.Uri));
        Assert.StartsWith($"{In("m.csv")}, row 2: ", rows[1].Refused);
        Assert.Contains(said, rows[1].Refused);
        Assert.Empty(ExplainImagesRules.Check(rows[1]));
        Assert.Equal(
            [In("c.jpg")],
            (await WalkAsync($"manifest:{In("m.csv")}", tail: new PlanTail(1, 2, rows[1].Uri))).Select(row => row.Uri)
        ); // planning resumes after the refused row
    }

    [Fact]
    public async Task Row_with_a_label_that_is_too_long_is_refused_alone()
    {
        File.WriteAllText(In("m.csv"), $"path,label,split\na.jpg,cat,train\nb.jpg,{new string('l', 257)},train\n");
        var rows = await WalkAsync($"manifest:{In("m.csv")}");
        Assert.Contains("row 2: the column label must be left out or have 1 to 256 characters", rows[1].Refused);
        Assert.Equal((In("b.jpg"), null, "train"), (rows[1].Uri, rows[1].Label, rows[1].Split));
    }

    [Theory]
    [InlineData("images")]
    [InlineData("/data\0")]
    public async Task Relative_base_of_a_manifest_is_refused(string folder)
    {
        File.WriteAllText(In("m.csv"), "path\na.jpg\n");
        Assert.Contains(
            "base",
            (await Assert.ThrowsAsync<SourceException>(() => WalkAsync($"manifest:{In("m.csv")}", new() { ["base"] = folder }))).Message
        );
    }

    [Fact]
    public async Task Planning_of_a_manifest_resumes_at_its_row()
    {
        File.WriteAllText(In("m.csv"), "path\na.jpg\nb.jpg\nc.jpg\n");
        Assert.Equal(
            [In("c.jpg")],
            (await WalkAsync($"manifest:{In("m.csv")}", tail: new PlanTail(1, 2, In("b.jpg")))).Select(row => row.Uri)
        );
    }

    [Theory]
    [InlineData("path\na.jpg\nX.jpg\nc.jpg\n", "changed")]
    [InlineData("path\na.jpg\n", "changed")]
    public async Task Planning_does_not_resume_with_another_manifest(string content, string said)
    {
        File.WriteAllText(In("m.csv"), content);
        Assert.Contains(said, (await FailsAsync($"manifest:{In("m.csv")}", tail: new PlanTail(1, 2, In("b.jpg")))).Message);
    }

    [Theory]
    [InlineData("m.csv", "path,label\na.jpg\n", "line 2")]
    [InlineData("m.csv", "path\n\"a.jpg\n", "quote")]
    [InlineData("m.csv", "picture\na.jpg\n", "column.path")]
    [InlineData("m.csv", "path\n\"\"\n", "row 1")]
    [InlineData("m.jsonl", "[1]\n", "line 1")]
    [InlineData("m.jsonl", "{\"label\": \"cat\"}\n", "column.path")]
    [InlineData("m.jsonl", "{\"path\": \"a.jpg\"}\n{\"path\": \"\\ud800\"}", "line 2")]
    [InlineData("m.jsonl", "{\"path\": \"a.jpg\"}\n{\"path\": ", "line 2")]
    [InlineData("m.xml", "<a/>", ".xml")]
    public async Task Invalid_manifest_is_refused_with_the_place_of_the_error(string name, string content, string said)
    {
        File.WriteAllText(In(name), content);
        Assert.Contains(said, (await FailsAsync($"manifest:{In(name)}")).Message);
    }

    [Theory]
    [InlineData("folder:/etc")]
    [InlineData("dataset:/etc")]
    [InlineData("manifest:/etc/passwd")]
    [InlineData("ftp://example.org")]
    [InlineData("folder:")]
    public async Task Sources_outside_the_roots_and_of_unknown_kinds_are_refused(string source) => await FailsAsync(source);

    [Fact]
    public async Task Dataset_lists_its_samples_and_planning_resumes_after_the_last()
    {
        Write("val/cat/1.jpg", "val/dog/2.jpg", "val/dog/3.jpg");
        var all = await MeasuredAsync("val", null);
        Assert.Equal([In("val/cat/1.jpg"), In("val/dog/2.jpg"), In("val/dog/3.jpg")], all.Select(image => image.Uri));
        Assert.Equal(["cat", "dog", "dog"], all.Select(image => image.Label));
        Assert.Equal(["cat/1.jpg", "dog/2.jpg", "dog/3.jpg"], all.Select(AgCam.Pipeline.Jobs.SampleReference.Key));
        Assert.Equal(
            [In("val/dog/3.jpg")],
            (await MeasuredAsync("val", new PlanTail(1, 2, In("val/dog/2.jpg")))).Select(image => image.Uri)
        );
        Assert.Contains(
            "has changed",
            (await Assert.ThrowsAsync<SourceException>(() => MeasuredAsync("val", new PlanTail(1, 2, In("val/dog/1.jpg"))))).Message
        );
        Assert.Contains(
            "has changed",
            (await Assert.ThrowsAsync<SourceException>(() => MeasuredAsync("val", new PlanTail(1, 4, In("val/dog/4.jpg"))))).Message
        );
    }

    [Fact]
    public async Task Invalid_dataset_is_refused_with_the_reason()
    {
        Write("val/a.jpg", "out/a.jpg");
        File.WriteAllText(In("val/metadata.jsonl"), "{\"file_name\": \"a.jpg\", \"label\":\n");
        Assert.Contains("metadata.jsonl", (await Assert.ThrowsAsync<SourceException>(() => MeasuredAsync("val", null))).Message);
        await Assert.ThrowsAsync<SourceException>(() => MeasuredAsync("nowhere", null));
        await Assert.ThrowsAsync<SourceException>(() => MeasuredAsync("../../etc", null));
        await Assert.ThrowsAsync<SourceException>(() => MeasuredAsync("out", null, "/etc"));
    }

    private async Task<List<ImageReference>> MeasuredAsync(string folder, PlanTail? tail, string? images = null)
    {
        var spec = Some.Evaluation(In(folder));
        using var references = new ReferenceReader(new ReferenceOptions { Roots = [_folder] }, null!);
        return await ImageSource
            .Open(spec with { Evaluation = spec.Evaluation! with { Images = images } }, references, null!)
            .WalkAsync(tail ?? Start, Cancel)
            .ToListAsync(Cancel);
    }

    private async Task<List<ImageReference>> WalkAsync(string source, Dictionary<string, string>? options = null, PlanTail? tail = null)
    {
        var spec = Some.Spec(source) with { Options = options };
        using var references = new ReferenceReader(new ReferenceOptions { Roots = [_folder] }, null!);
        return await ImageSource.Open(spec, references, null!).WalkAsync(tail ?? Start, Cancel).ToListAsync(Cancel);
    }

    private Task<SourceException> FailsAsync(string source, PlanTail? tail = null) =>
        Assert.ThrowsAsync<SourceException>(() => WalkAsync(source, tail: tail));

    private void Write(params string[] files)
    {
        foreach (var file in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(In(file))!);
            File.WriteAllText(In(file), "x");
        }
    }

    private string In(string path) => Path.Combine(_folder, path);
}
