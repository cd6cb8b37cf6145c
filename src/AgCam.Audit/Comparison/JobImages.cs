using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Audit.Comparison;

/// <summary>What a job stored about an image.</summary>
/// <param name="Number">Number of the image in its job.</param>
/// <param name="Uri">Address of the image.</param>
/// <param name="Explanation">Id of the stored explanation.</param>
public sealed record ImageOutcome(int Number, ReferenceKind Kind, string Uri, Digest Explanation)
{
    /// <summary>Label as given; null without one.</summary>
    public string? Label { get; init; }

    /// <summary>Class of the label; null without one, or when the model has no such class.</summary>
    public string? LabelClass { get; init; }

    public string? Predicted { get; init; }

    public double Probability { get; init; }

    /// <summary>Whether the prediction equals the label; null without a label that is a class.</summary>
    public bool? Correct { get; init; }

    /// <summary>First box of the first target; null without one.</summary>
    public BoundingBox? Box { get; init; }
}

/// <summary>Images of a completed job that have an explanation, by the SHA-256 of their bytes.</summary>
public sealed class JobImages
{
    private readonly Dictionary<Digest, ImageOutcome> _images = [];
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal); // one string per class

    private JobImages() { }

    public IReadOnlyDictionary<Digest, ImageOutcome> All => _images;

    /// <summary>Number of images without an explanation, because they failed.</summary>
    public long Failed { get; private set; }

    /// <summary>Number of images whose bytes an image with a lower number has. They are left out.</summary>
    public long Copies { get; private set; }

    public static async Task<JobImages> ReadAsync(IStore store, Guid job, CancellationToken cancellationToken = default)
    {
        var images = new JobImages();
        var query = new ItemQuery { Job = job, Limit = ItemQuery.MaxLimit };
        await foreach (var item in store.Items.AllAsync(query, cancellationToken))
            images.Add(item);
        return images;
    }

    internal static JobImages Of(IEnumerable<Item> items)
    {
        var images = new JobImages();
        foreach (var item in items)
            images.Add(item);
        return images;
    }

    private void Add(Item item)
    {
        if (item is not { Status: ItemStatus.Completed, Sha256: { } sha256, Explanation: { } explanation })
        {
            Failed++;
            return;
        }
        var outcome = new ImageOutcome(item.Number, item.Kind, item.Uri, explanation)
        {
            Label = Shared(item.Label),
            LabelClass = Shared(item.LabelClass),
            Predicted = Shared(item.Predicted),
            Probability = item.Probability ?? double.NaN,
            Correct = item.Correct,
            Box = item.Boxes.Count > 0 ? item.Boxes[0] : null,
        };
        if (!_images.TryGetValue(sha256, out var known))
            _images[sha256] = outcome;
        else
        {
            Copies++;
            if (outcome.Number < known.Number)
                _images[sha256] = outcome;
        }
    }

    private string? Shared(string? name)
    {
        if (name is null)
            return null;
        if (!_names.TryGetValue(name, out var shared))
            _names[name] = shared = name;
        return shared;
    }
}
