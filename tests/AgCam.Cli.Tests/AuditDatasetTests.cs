using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>
/// Tests that `agcam audit` takes annotated datasets with their boxes: six scenes, of which one gets a box without width.
/// </summary>
public sealed class AuditDatasetTests : IDisposable
{
    private const int Faulty = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-audit-").FullName;
    private readonly JsonObject[] _rows;

    public AuditDatasetTests()
    {
        Assert.Equal(0, Agcam.Run("scenes", "draw", Images, "--count", "6", "--seed", "7").Code);
        _rows = [.. File.ReadLines(Metadata).Select(line => JsonNode.Parse(line)!.AsObject())];
        _rows[Faulty]["objects"]!["bbox"]![0]![2] = 0;
    }

    private string Images => Path.Combine(_folder, "images");

    private string Metadata => Path.Combine(Images, "metadata.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Folder_with_metadata_is_audited_with_its_labels_and_boxes()
    {
        File.WriteAllLines(Metadata, _rows.Select(row => row.ToJsonString()));
        var report = Audit(Images);
        Assert.Equal(6, report.GetProperty("labelled").GetInt32());
        AssertFault(report);
    }

    [Fact]
    public void Coco_file_is_audited_with_its_labels_and_boxes()
    {
        var categories = _rows.Select(row => $"{row["label"]}").Distinct().Order(StringComparer.Ordinal).ToList();
        var coco = new JsonObject
        {
            ["images"] = new JsonArray([
                .. _rows.Select((row, id) => new JsonObject { ["id"] = id, ["file_name"] = $"{row["file_name"]}" }),
            ]),
            ["categories"] = new JsonArray([.. categories.Select((name, id) => new JsonObject { ["id"] = id, ["name"] = name })]),
            ["annotations"] = new JsonArray([
                .. _rows.Select(
                    (row, id) =>
                        new JsonObject
                        {
                            ["image_id"] = id,
                            ["category_id"] = categories.IndexOf($"{row["label"]}"),
                            ["bbox"] = row["objects"]!["bbox"]![0]!.DeepClone(),
                        }
                ),
            ]),
        };
        var file = Path.Combine(_folder, "annotations", "instances.json");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, coco.ToJsonString());
        var report = Audit(file);
        Assert.Equal(6, report.GetProperty("labelled").GetInt32());
        AssertFault(report);
    }

    private JsonElement Audit(string source)
    {
        var outcome = AgcamProcess.Run(
            "audit",
            source,
            "--store",
            Path.Combine(_folder, "store.db"),
            "--findings",
            "background,annotation",
            "--json"
        );
        Assert.Equal(0, outcome.Code);
        return JsonSerializer.Deserialize<JsonElement>(outcome.Output);
    }

    private static void AssertFault(JsonElement report)
    {
        var (background, annotation) = (report.GetProperty("findings")[0], report.GetProperty("findings")[1]);
        Assert.Equal((6, 1), (annotation.GetProperty("scored").GetInt32(), annotation.GetProperty("count").GetInt32()));
        Assert.Equal(Faulty, annotation.GetProperty("items")[0].GetProperty("number").GetInt32());
        Assert.EndsWith("has no width", annotation.GetProperty("items")[0].GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(5, background.GetProperty("scored").GetInt32()); // a box without area has no heat
    }
}
