using AgCam.Labels;

namespace AgCam.Audit;

/// <summary>Resolves given labels to classes, and counts those that are none.</summary>
public sealed class LabelCounts(ClassNames classes)
{
    private readonly Dictionary<string, long> _unknown = new(StringComparer.Ordinal);

    /// <summary>Agreement of predictions and labels.</summary>
    public LabelAgreement Agreement { get; } = new();

    /// <summary>Labels that are not classes, each with its number of images.</summary>
    public IReadOnlyDictionary<string, long> Unknown => _unknown;

    /// <summary>Number of images without a label.</summary>
    public long Unlabelled { get; private set; }

    /// <summary>Returns the class of a label and counts it; null when there is no label, or no class has its name.</summary>
    public int? Resolve(string? label, int predicted)
    {
        if (string.IsNullOrEmpty(label))
        {
            Unlabelled++;
            return null;
        }
        if (classes.Find(label) is >= 0 and var index)
        {
            Agreement.Add(index, predicted);
            return index;
        }
        _unknown[label] = _unknown.GetValueOrDefault(label) + 1;
        return null;
    }
}
