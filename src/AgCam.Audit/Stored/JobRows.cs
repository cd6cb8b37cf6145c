using System.Runtime.CompilerServices;
using AgCam.Evaluation.Datasets;
using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Preprocessing;

namespace AgCam.Audit.Stored;

/// <summary>Reads the stored explanations of a completed job as rows of an audit, in the order of its images, but no failed ones.</summary>
/// <param name="job">Id of the job.</param>
/// <param name="classes">Classes of the job's model.</param>
public sealed class JobRows(IStore store, Guid job, ClassNames classes)
{
    private const int PageSize = 500;

    private readonly Dictionary<Digest, PreprocessingOptions?> _preprocessing = []; // by provenance: a handful

    /// <summary>Counts of the labels, after a pass over all rows.</summary>
    public LabelCounts Labels { get; private set; } = new(classes);

    /// <summary>Number of images without an explanation, because they failed, after a pass over all rows.</summary>
    public long Failed { get; private set; }

    /// <summary>Reads all rows, in the same order each time.</summary>
    public async IAsyncEnumerable<AuditRow> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        (Labels, Failed) = (new LabelCounts(classes), 0);
        var query = new ItemQuery { Job = job, Limit = PageSize };
        do
        {
            var page = await store.Items.PageAsync(query, cancellationToken);
            var ids = page.Items.Select(item => item.Explanation).OfType<Digest>().Distinct().ToList();
            var explanations = (await store.Explanations.FindAsync(ids, cancellationToken)).ToDictionary(explanation => explanation.Id);
            foreach (var item in page.Items)
                if (item.Explanation is { } id && explanations.TryGetValue(id, out var explanation))
                    yield return Row(item, explanation, await PreprocessingAsync(explanation.Provenance, cancellationToken));
                else
                    Failed++;
            query = query with { Cursor = page.Next };
        } while (query.Cursor is not null);
    }

    /// <returns>The row of an image; null when it failed or its explanation was deleted.</returns>
    public async Task<AuditRow?> FindAsync(int number, CancellationToken cancellationToken = default) =>
        await store.Items.FindAsync(job, number, cancellationToken) is { Explanation: { } id } item
        && await store.Explanations.FindAsync(id, cancellationToken) is { } explanation
            ? Row(item, explanation, await PreprocessingAsync(explanation.Provenance, cancellationToken))
            : null;

    /// <summary>Returns the preprocessing of the explanations; null when their maps cover the whole picture.</summary>
    private async Task<PreprocessingOptions?> PreprocessingAsync(Digest id, CancellationToken cancellationToken)
    {
        if (!_preprocessing.TryGetValue(id, out var known))
        {
            var provenance = await store.Provenances.FindAsync(id, cancellationToken);
            known = provenance is null or { Preprocessing: Provenance.NoPreprocessing }
                ? null
                : PreprocessingOptions.Parse(provenance.Preprocessing);
            _preprocessing[id] = known;
        }
        return known;
    }

    private AuditRow Row(Item item, StoredExplanation explanation, PreprocessingOptions? preprocessing)
    {
        var probabilities = Probabilities(item, explanation);
        return new AuditRow(item.Number, item.Uri)
        {
            Reference = new ImageReference
            {
                Number = item.Number,
                Kind = item.Kind,
                Uri = item.Uri,
                Stamp = item.Stamp,
                KnownSha256 = explanation.Image,
            },
            Label = Labels.Resolve(item.Label, probabilities.Predicted),
            Probabilities = probabilities,
            Sha256 = explanation.Image,
            Picture = explanation.Picture,
            Map = Map(explanation),
            MapArea = preprocessing is null
                ? null
                : Preprocessor.MapArea(preprocessing, explanation.Picture.Width, explanation.Picture.Height),
            Boxes = explanation.Maps is [var first, ..] && first.Is("predicted") ? item.Boxes : [], // an item has those of the first map
            Objects = Objects(item),
            Embedding = explanation.Embedding is { } embedding ? HalfBytes.ToFloats(embedding) : null,
            Split = item.Split,
            Metadata = item.Metadata,
        };
    }

    /// <summary>Returns the probabilities of the 100 most probable classes, and of the label.</summary>
    private ClassProbabilities Probabilities(Item item, StoredExplanation explanation)
    {
        var logits = explanation.Logits;
        List<int> indices = [.. Enumerable.Range(0, logits.Count).Select(logits.Class)];
        List<double> values = [.. Enumerable.Range(0, logits.Count).Select(rank => Probability(logits.Value(rank)))];
        if (item.LabelLogit is { } logit && classes.Find(item.Label ?? "") is >= 0 and var label && !indices.Contains(label))
        {
            indices.Add(label);
            values.Add(Probability(logit));
        }
        return new ClassProbabilities([.. indices], [.. values], classes.Count);

        double Probability(float of) => Math.Exp((double)of - explanation.LogSumExp);
    }

    /// <summary>Returns the annotated boxes; null when they were too many for an item's metadata.</summary>
    private static Annotation? Objects(Item item)
    {
        if (item.Metadata is null || MetadataColumns.BoxesIn(item.Metadata.Keys) is not { } column)
            return Annotation.None;
        var text = item.Metadata[column];
        return text.EndsWith('…') ? null : Annotation.Read(text);
    }

    /// <summary>Returns the map of the predicted class; the first map when no target asked for it.</summary>
    private static Heatmap? Map(StoredExplanation explanation)
    {
        var map = explanation.Maps.FirstOrDefault(map => map.Is("predicted")) ?? explanation.Maps.FirstOrDefault();
        return map is null ? null : new Heatmap(map.Rows, map.Columns, map.Values());
    }
}
