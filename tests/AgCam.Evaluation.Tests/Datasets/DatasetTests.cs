using AgCam.Evaluation.Datasets;
using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;
using Parquet;
using Parquet.Schema;
using Xunit;

namespace AgCam.Evaluation.Tests.Datasets;

public class DatasetTests
{
    [Fact]
    public void Metadata_lists_its_rows_in_order_then_unlisted_images()
    {
        using var folder = Files("b.png", "a.png", "sub/c.png", "unlisted.png");
        File.WriteAllText(
            folder["metadata.jsonl"],
            """
            {"file_name": "b.png", "label": "bell", "objects": {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8.5]], "category": ["bell", "bell"]}}
            {"file_name": "a.png", "label": 3, "objects": {"bbox": []}}

            {"file_name": "sub/c.png", "label": "drum"}
            {"file_name": "b.png", "label": "drum"}
            {"file_name": "gone.png", "label": "drum", "objects": {"bbox": [[1, 2, 3]]}}
            """
        );

        var samples = Dataset.Read(folder.Path).ToList();

        Assert.Equal(["b.png", "a.png", "sub/c.png", "b.png#2", "gone.png", "unlisted.png"], samples.Select(s => s.Key));
        Assert.Equal(["bell", "3", "drum", null, "drum", null], samples.Select(s => s.Label));
        Assert.Equal([new(1, 2, 3, 4), new(5, 6, 7, 8.5)], samples[0].Boxes);
        Assert.Equal(
            [null, SkipReason.EmptyAnnotation, SkipReason.NoBoxes, null, SkipReason.BrokenAnnotation, SkipReason.NoBoxes],
            samples.Select(s => s.WithoutBoxes)
        );
        Assert.Equal(SkipReason.ListedTwice, samples[3].Unusable);
    }

    [Fact]
    public void Boxes_of_other_classes_are_not_ground_truth()
    {
        using var folder = Files("a.png", "b.png");
        File.WriteAllText(
            folder["metadata.jsonl"],
            """
            {"file_name": "a.png", "label": "bell", "objects": {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8]], "category": ["drum", "bell"]}}
            {"file_name": "b.png", "objects": {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8]], "category": ["drum", "bell"]}}
            """
        );

        var samples = Dataset.Read(folder.Path).ToList();

        Assert.Equal([new(5, 6, 7, 8)], samples[0].Boxes);
        Assert.Equal([("b.png#bell", "bell"), ("b.png#drum", "drum")], samples.Skip(1).Select(s => (s.Key, s.Label!)));
        Assert.Equal([new(1, 2, 3, 4)], samples[2].Boxes);
    }

    [Fact]
    public void Single_box_needs_no_list()
    {
        using var folder = Files("a.png");
        File.WriteAllText(folder["metadata.jsonl"], "{\"file_name\": \"a.png\", \"label\": \"bell\", \"bbox\": [1, 2, 3, 4.5]}\n");
        Assert.Equal([new(1, 2, 3, 4.5)], Assert.Single(Dataset.Read(folder.Path)).Boxes);
    }

    [Fact]
    public async Task Jsonl_csv_and_parquet_give_the_same_samples()
    {
        using var folder = Files("a.png", "b.png", "c.png");
        File.WriteAllText(
            folder["metadata.jsonl"],
            """
            {"file_name": "a.png", "label": "bell", "objects": {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8.5]]}}
            {"file_name": "b.png", "label": "drum", "objects": {"bbox": [[9, 8, 7, 6]]}}
            {"file_name": "c.png", "label": "gate", "objects": {"bbox": []}}
            """
        );
        File.WriteAllText(
            folder["other.csv"],
            "file_name,label,objects.bbox\na.png,bell,\"[[1,2,3,4],[5,6,7,8.5]]\"\nb.png,drum,\"[[9,8,7,6]]\"\nc.png,gate,[]\n"
        );
        await WriteParquetAsync(folder["other.parquet"]);

        var expected = Shown(Dataset.Read(folder["metadata.jsonl"]));
        Assert.Equal(3, expected.Count(line => !line.StartsWith("other", StringComparison.Ordinal)));
        Assert.Equal(expected, Shown(Dataset.Read(folder["other.csv"])));
        Assert.Equal(expected, Shown(Dataset.Read(folder["other.parquet"])));

        static List<string> Shown(IEnumerable<Sample> samples) =>
            [.. samples.Select(s => $"{s.Key} {s.Label} {string.Join(";", s.Boxes)} {s.WithoutBoxes}")];
    }

    [Fact]
    public void Ilsvrc_layout_pairs_xml_with_images()
    {
        using var folder = Files(
            "Data/CLS-LOC/val/v1.JPEG",
            "Data/CLS-LOC/val/v2.JPEG",
            "Data/CLS-LOC/val/v3.JPEG",
            "Data/CLS-LOC/train/n1/t.JPEG"
        );
        Voc(folder, "CLS-LOC/val/v1.xml", ("n01", 10, 20, 30, 50), ("n01", 0, 0, 5, 5));
        Voc(folder, "CLS-LOC/val/v2.xml", ("n02", 1, 1, 2, 2), ("n01", 3, 3, 9, 9));
        Voc(folder, "CLS-LOC/val/v4.xml", ("n02", 1, 1, 2, 2));

        var samples = Dataset.Read(folder.Path).ToList();

        string val = Path.Combine("CLS-LOC", "val");
        Assert.Equal(
            [$"{val}/v1.JPEG", $"{val}/v2.JPEG#n01", $"{val}/v2.JPEG#n02", $"{val}/v3.JPEG", $"{val}/v4"],
            samples.Select(s => s.Key)
        );
        Assert.Equal([new(10, 20, 20, 30), new(0, 0, 5, 5)], samples[0].Boxes);
        Assert.Equal("n01", samples[0].Label);
        Assert.Equal(SkipReason.NoBoxes, samples[3].WithoutBoxes);
        Assert.Equal("not-found", samples[4].Unusable);
    }

    [Theory]
    [InlineData("<annotation></annotation>", null, SkipReason.EmptyAnnotation)]
    [InlineData("<annotation><object><name>a</name></object></annotation>", SkipReason.BrokenAnnotation, null)]
    [InlineData("<annotation><object>", SkipReason.BrokenAnnotation, null)]
    [InlineData("<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><annotation>&e;</annotation>", SkipReason.BrokenAnnotation, null)]
    public void Bad_xml_is_counted_instead_of_dropped(string xml, string? unusable, string? withoutBoxes)
    {
        using var folder = Files("JPEGImages/a.jpg");
        Directory.CreateDirectory(folder["Annotations"]);
        File.WriteAllText(folder["Annotations/a.xml"], xml);
        var sample = Assert.Single(Dataset.Read(folder.Path));
        Assert.Equal((unusable, withoutBoxes), (sample.Unusable, sample.WithoutBoxes));
    }

    [Fact]
    public void Coco_gives_a_sample_for_each_class_of_an_image()
    {
        using var folder = Files("val2017/a.jpg", "val2017/b.jpg");
        Directory.CreateDirectory(folder["annotations"]);
        File.WriteAllText(
            folder["annotations/instances_val2017.json"],
            """
            {"images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}, {"id": 9, "file_name": "c.jpg"}],
             "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
             "annotations": [{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4]},
                             {"image_id": 7, "category_id": 1, "bbox": [5, 6, 7, 8]},
                             {"image_id": 8, "category_id": 1, "bbox": [5, 6, 7, 8], "iscrowd": 1}]}
            """
        );

        var samples = Dataset.Read(folder["annotations/instances_val2017.json"]).ToList();

        Assert.Equal([("a.jpg#cat", "cat"), ("a.jpg#dog", "dog")], samples.Take(2).Select(s => (s.Key, s.Label!)));
        Assert.Equal(folder["val2017/a.jpg"], samples[0].Path);
        Assert.Equal([new BoundingBox(1, 2, 3, 4)], samples[1].Boxes);
        Assert.Equal([SkipReason.EmptyAnnotation, SkipReason.NoBoxes], samples.Skip(2).Select(s => s.WithoutBoxes));
    }

    [Fact]
    public void Class_folders_have_labels_and_no_boxes()
    {
        using var folder = Files("bell/1.png", "drum/2.png", "loose.png");
        var samples = Dataset.Read(folder.Path).ToList();
        Assert.Equal([("bell/1.png", "bell"), ("drum/2.png", "drum"), ("loose.png", null)], samples.Select(s => (s.Key, s.Label)));
        Assert.All(samples, s => Assert.Equal(SkipReason.NoBoxes, s.WithoutBoxes));
    }

    [Theory]
    [InlineData("metadata.jsonl", "no json")]
    [InlineData("metadata.jsonl", "[1]")]
    [InlineData("metadata.jsonl", "{\"label\": \"a\"}")]
    [InlineData("metadata.csv", "name,kind\na,b\n")]
    [InlineData("metadata.csv", "")]
    [InlineData("metadata.parquet", "PAR1 not")]
    [InlineData("coco.json", "{}")]
    [InlineData("coco.json", "{\"images\": [], \"annotations\": 3, \"categories\": []}")]
    [InlineData("notes.txt", "")]
    public void Unknown_dataset_is_refused_by_name(string name, string text)
    {
        using var folder = Files();
        File.WriteAllText(folder[name], text);
        var error = Record.Exception(() => Dataset.Read(folder[name]).ToList());
        Assert.True(error is DatasetException or AgCam.Labels.LabelException, error?.ToString());
        Assert.Contains(name, error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cub_gives_its_test_images_with_box_and_mask()
    {
        using var folder = Files(
            "images/001.Auk/a.jpg",
            "images/001.Auk/b.jpg",
            "images/002.Jay/c.jpg",
            "images/002.Jay/d.jpg",
            "segmentations/001.Auk/b.png"
        );
        File.WriteAllLines(folder["images.txt"], ["1 001.Auk/a.jpg", "2 001.Auk/b.jpg", "3 002.Jay/c.jpg", "4 002.Jay/d.jpg"]);
        File.WriteAllLines(folder["image_class_labels.txt"], ["1 1", "2 1", "3 2", "4 2"]);
        File.WriteAllLines(folder["classes.txt"], ["1 001.Auk", "2 002.Jay"]);
        File.WriteAllLines(folder["train_test_split.txt"], ["1 1", "2 0", "3 0", "4 0"]);
        File.WriteAllLines(folder["bounding_boxes.txt"], ["1 1.0 2.0 3.0 4.0", "2 5.0 6.0 7.0 8.5", "4 9 9 nine 9"]);

        var samples = Dataset.Read(folder.Path).ToList();

        Assert.Equal(DatasetLayout.Cub, Dataset.Detect(folder.Path));
        Assert.Equal(
            [("001.Auk/b.jpg", "001.Auk"), ("002.Jay/c.jpg", "002.Jay"), ("002.Jay/d.jpg", "002.Jay")],
            samples.Select(s => (s.Key, s.Label!))
        );
        Assert.Equal(["Auk"], samples[0].OtherNames);
        Assert.Equal([0, 1, 1], samples.Select(s => s.Index!.Value));
        Assert.Equal([new(5, 6, 7, 8.5)], samples[0].Boxes);
        Assert.Equal([null, SkipReason.NoBoxes, SkipReason.BrokenAnnotation], samples.Select(s => s.WithoutBoxes));
        Assert.Equal([1, 0, 0], samples.Select(s => s.Masks.Count));
        File.AppendAllText(folder["images.txt"], "4 again.jpg");
        Assert.Contains(
            "images.txt, line 5",
            Assert.Throws<DatasetException>(() => Dataset.Read(folder.Path).ToList()).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Coco_masks_are_polygons_and_run_lengths_and_go_with_their_class()
    {
        using var folder = Files("a.png");
        File.WriteAllText(
            folder["coco.json"],
            """
            {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "bell"}, {"id": 2, "name": "drum"}],
             "annotations": [
              {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "segmentation": [[1, 2, 4, 2, 4, 6]]},
              {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "segmentation": {"size": [4, 5], "counts": [3, 4, 13]}},
              {"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "segmentation": [[1, 2, 4, 2, 4, 6]]},
              {"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]}]}
            """
        );

        var samples = Dataset.Read(folder["coco.json"]).ToList();

        Assert.Equal(2, samples[0].Masks.Count);
        Assert.IsType<PolygonMask>(samples[0].Masks[0]);
        Assert.Equal([3, 4, 13], Assert.IsType<RunLengthMask>(samples[0].Masks[1]).Runs);
        Assert.Empty(samples[1].Masks); // one drum has none, so its pixels would count as background
    }

    [Fact]
    public void Voc_masks_number_the_objects_of_the_annotation()
    {
        using var folder = Files("JPEGImages/a.jpg", "SegmentationObject/a.png");
        Voc(folder, "a.xml", ("bell", 1, 1, 9, 9), ("drum", 2, 2, 8, 8), ("bell", 3, 3, 7, 7));

        var bells = Dataset.Read(folder.Path).Single(sample => sample.Label == "bell");

        Assert.Equal(
            [
                [1],
                [3],
            ],
            bells.Masks.Select(mask => ((PictureMask)mask).Objects!)
        );
    }

    [Fact]
    public void Ilsvrc_lists_validation_images_and_names_missing_files()
    {
        using var folder = Files("Data/CLS-LOC/val/1.JPEG", "Data/CLS-LOC/val/2.JPEG", "Data/CLS-LOC/train/n02/3.JPEG");
        Voc(folder, "CLS-LOC/val/1.xml", ("n01", 1, 1, 9, 9), ("n01", 2, 2, 8, 8));
        Voc(folder, "CLS-LOC/val/2.xml", ("n02", 1, 1, 9, 9));
        Voc(folder, "CLS-LOC/train/n02/3.xml", ("n02", 1, 1, 9, 9));

        Assert.Equal(DatasetLayout.Ilsvrc, Dataset.Detect(folder.Path));
        Assert.Equal([("n01", 2), ("n02", 1)], Dataset.Read(folder.Path).Select(sample => (sample.Label!, sample.Boxes.Count)));
        var findings = IlsvrcDataset.Check(folder.Path, null, out var classes);
        Assert.Equal(["n01", "n02"], classes);
        Assert.Equal(
            ["2 validation images instead of 50000", "2 classes instead of 1000", "2 classes without exactly 50 images"],
            findings
        );
        Assert.Contains(
            "Annotations/CLS-LOC/val",
            Assert.Throws<DatasetException>(() => Dataset.Read(folder["Data"], DatasetLayout.Ilsvrc).ToList()).Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>Writes empty files; these tests open no image.</summary>
    private static TemporaryFolder Files(params string[] names)
    {
        var folder = new TemporaryFolder();
        foreach (var name in names)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder[name])!);
            File.WriteAllBytes(folder[name], []);
        }

        return folder;
    }

    private static void Voc(TemporaryFolder folder, string name, params (string Class, int X0, int Y0, int X1, int Y1)[] objects)
    {
        var path = folder[Path.Combine("Annotations", name)];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(
            path,
            "<annotation>"
                + string.Concat(
                    objects.Select(o =>
                        $"<object><name>{o.Class}</name><bndbox><xmin>{o.X0}</xmin><ymin>{o.Y0}</ymin>"
                        + $"<xmax>{o.X1}</xmax><ymax>{o.Y1}</ymax></bndbox></object>"
                    )
                )
                + "</annotation>"
        );
    }

    private static async Task WriteParquetAsync(string path)
    {
        var name = new DataField<string>("file_name");
        var label = new DataField<string>("label");
        var bbox = new ListField("bbox", new ListField("element", new DataField<double>("element")));
        var schema = new ParquetSchema(name, label, new StructField("objects", bbox));
        await using var stream = File.Create(path);
        await using var writer = await ParquetWriter.CreateAsync(schema, stream);
        using var group = writer.CreateRowGroup();
        await group.WriteAsync(name, new[] { "a.png", "b.png", "c.png" });
        await group.WriteAsync(label, new[] { "bell", "drum", "gate" });
        // Two boxes, one box, an empty list: repetition level 1 starts a box, 2 continues it.
        var leaf = schema.DataFields[2];
        var full = leaf.MaxDefinitionLevel;
        await group.WriteAllPartsAsync<double>(
            leaf,
            new double[] { 1, 2, 3, 4, 5, 6, 7, 8.5, 9, 8, 7, 6 },
            new int[] { full, full, full, full, full, full, full, full, full, full, full, full, 2 },
            new int[] { 0, 2, 2, 2, 1, 2, 2, 2, 0, 2, 2, 2, 0 },
            TestContext.Current.CancellationToken
        );
    }
}
