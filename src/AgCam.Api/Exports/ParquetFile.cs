using System.Text.Encodings.Web;
using System.Text.Json;
using AgCam.Models;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Parquet;
using Parquet.Serialization;

namespace AgCam.Api.Exports;

/// <summary>
/// A row an item, with the raw maps, the highest logits and the boxes: what an analysis of a whole data set reads. Parquet's index
/// stands at the end of the file and needs to be gone back to, so it is written to a temporary file first.
/// </summary>
internal static class ParquetFile
{
    private static readonly JsonSerializerOptions Footer = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task WriteAsync(IStore store, Job job, ModelCatalog models, Stream stream, CancellationToken cancellationToken)
    {
        var footer = await FooterAsync(job, models, cancellationToken);
        await using var file = new FileStream(
            Path.Combine(Path.GetTempPath(), $"agcam-{Guid.NewGuid():N}.parquet"),
            FileMode.CreateNew,
            FileAccess.ReadWrite,
            FileShare.None,
            1 << 16,
            FileOptions.DeleteOnClose
        );
        var isFirst = true;
        await foreach (var page in Export.PagesAsync(store, job, cancellationToken))
        {
            var ids = page.Select(item => item.Explanation).OfType<Digest>().ToHashSet();
            var explanations = (await store.Explanations.FindAsync(ids, cancellationToken)).ToDictionary(explanation => explanation.Id);
            var rows = page.Select(item => ParquetRow.Of(item, item.Explanation is { } id ? explanations.GetValueOrDefault(id) : null))
                .ToList();
            if (rows.Count > 0 || isFirst)
                await ParquetSerializer.SerializeAsync(rows, file, new ParquetOptions { Append = !isFirst }, footer, cancellationToken);
            isFirst = false;
        }
        file.Position = 0;
        await file.CopyToAsync(stream, cancellationToken);
    }

    /// <summary>Returns the key-value metadata of the file: how the values were computed and what they mean.</summary>
    private static async Task<Dictionary<string, string>> FooterAsync(Job job, ModelCatalog models, CancellationToken cancellationToken)
    {
        var footer = new Dictionary<string, string>
        {
            ["agcam.job"] = $"{job.Id}",
            ["agcam.model"] = job.Spec.Model.Id,
            ["agcam.model_sha256"] = $"{job.Spec.Model.Sha256}",
            ["agcam.method"] = job.Spec.Method,
            ["agcam.forward_dtype"] = job.Spec.Dtype,
            ["agcam.dtypes"] = JsonSerializer.Serialize(ParquetRow.Dtypes, Footer),
        };
        if (await ClassNamesAsync(job, models, cancellationToken) is { } names)
            footer["agcam.class_names"] = JsonSerializer.Serialize(names, Footer);
        return footer;
    }

    /// <returns>Names by class index. Null if the model has none, or is no longer configured with the job's weights.</returns>
    private static async Task<IReadOnlyList<string>?> ClassNamesAsync(Job job, ModelCatalog models, CancellationToken cancellationToken)
    {
        var model = job.Spec.Model;
        try
        {
            return models.Find(model.Id) is not null && (await models.PinAsync(model.Id, cancellationToken)).Sha256 == model.Sha256
                ? (await models.DescribeAsync(model.Id, cancellationToken)).Classes.Names
                : null;
        }
        catch (ModelException)
        {
            return null; // the rows can be exported all the same
        }
    }
}

/// <summary>Columns of the export.</summary>
internal sealed class ParquetRow
{
    /// <summary>Precision of the values, by column. Heatmaps and embeddings are float32 columns of float16 values.</summary>
    internal static readonly IReadOnlyDictionary<string, string> Dtypes = new Dictionary<string, string>
    {
        [nameof(heatmap)] = TargetMap.Dtype,
        [nameof(more_heatmaps)] = TargetMap.Dtype,
        [nameof(embedding)] = TargetMap.Dtype,
        [nameof(logits)] = TopLogits.Dtype,
        [nameof(log_sum_exp)] = TopLogits.Dtype,
        [nameof(label_logit)] = TopLogits.Dtype,
    };

    public int number { get; set; }

    public string status { get; set; } = "";

    public string? reason { get; set; }

    public string? detail { get; set; }

    public string uri { get; set; } = "";

    public string? sha256 { get; set; }

    public string? label { get; set; }

    /// <summary>Name of the label's class. Null if the model has no such class.</summary>
    public string? label_class { get; set; }

    public float? label_logit { get; set; }

    public float? label_probability { get; set; }

    public string? split { get; set; }

    /// <summary>The manifest's metadata columns.</summary>
    public Dictionary<string, string> metadata { get; set; } = [];

    public string model { get; set; } = "";

    public string? predicted { get; set; }

    public float? probability { get; set; }

    public bool? correct { get; set; }

    public string? explanation { get; set; }

    public DateTime time { get; set; }

    public int? width { get; set; }

    public int? height { get; set; }

    /// <summary>x, y, width, height, score of each box, one after the other, in original pixels.</summary>
    public List<float> boxes { get; set; } = [];

    /// <summary>Targets that asked for the first map, joined by commas.</summary>
    public string? target { get; set; }

    /// <summary>Name of the first map's class.</summary>
    public string? target_class { get; set; }

    public int? grid_rows { get; set; }

    public int? grid_columns { get; set; }

    /// <summary>grid_rows x grid_columns values, row-major, not scaled. Float32 numbers that were rounded to float16.</summary>
    public List<float> heatmap { get; set; } = [];

    /// <summary>
    /// The targets of the maps behind the first: four times "top:5" after "predicted,top:5". Separate columns keep a table of one map
    /// small.
    /// </summary>
    public List<string> more_targets { get; set; } = [];

    /// <summary>Their classes' names.</summary>
    public List<string> more_target_classes { get; set; } = [];

    /// <summary>Their heatmaps, one after the other, each of grid_rows x grid_columns values.</summary>
    public List<float> more_heatmaps { get; set; } = [];

    public List<int> logit_classes { get; set; } = [];

    public List<float> logits { get; set; } = [];

    public float? log_sum_exp { get; set; }

    /// <summary>Vector that the head reads, of the model's width. Empty if the job left it out.</summary>
    public List<float> embedding { get; set; } = [];

    public static ParquetRow Of(Item item, StoredExplanation? explanation)
    {
        var map = explanation?.Maps.FirstOrDefault();
        var more = explanation?.Maps.Skip(1).ToList() ?? [];
        return new ParquetRow
        {
            number = item.Number,
            status = item.Status.ToString(),
            reason = item.Reason,
            detail = item.Detail,
            uri = item.Uri,
            sha256 = item.Sha256?.ToString(),
            label = item.Label,
            label_class = item.LabelClass,
            label_logit = item.LabelLogit,
            label_probability = item.LabelProbability,
            split = item.Split,
            metadata = item.Metadata?.ToDictionary() ?? [],
            model = item.Model,
            predicted = item.Predicted,
            probability = item.Probability,
            correct = item.Correct,
            explanation = item.Explanation?.ToString(),
            time = item.Time.UtcDateTime,
            width = explanation?.Picture.Width,
            height = explanation?.Picture.Height,
            boxes =
            [
                .. item.Boxes.SelectMany(box =>
                    new[] { (float)box.X, (float)box.Y, (float)box.Width, (float)box.Height, (float)box.Score }
                ),
            ],
            target = map is null ? null : Joined(map),
            target_class = map?.Name,
            grid_rows = map?.Rows,
            grid_columns = map?.Columns,
            heatmap = [.. map?.Values() ?? []],
            more_targets = [.. more.Select(Joined)],
            more_target_classes = [.. more.Select(other => other.Name)],
            more_heatmaps = [.. more.SelectMany(other => other.Values())],
            logit_classes = explanation is null ? [] : [.. Enumerable.Range(0, explanation.Logits.Count).Select(explanation.Logits.Class)],
            logits = explanation is null ? [] : [.. Enumerable.Range(0, explanation.Logits.Count).Select(explanation.Logits.Value)],
            log_sum_exp = explanation?.LogSumExp,
            embedding = explanation?.Embedding is { } vector ? [.. HalfBytes.ToFloats(vector)] : [],
        };
    }

    private static string Joined(TargetMap map) => string.Join(',', map.Targets);
}
