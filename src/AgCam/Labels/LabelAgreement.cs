namespace AgCam.Labels;

/// <summary>Compares predictions with labels. Reports the accuracy and whether it is low because the class orders differ.</summary>
public sealed class LabelAgreement
{
    /// <summary>Minimum number of images per label. With fewer, some permutation fits by chance.</summary>
    private const int ImagesForEachLabel = 5;

    private readonly Dictionary<(int Label, int Predicted), long> _counts = [];

    public long Images { get; private set; }

    public long Right { get; private set; }

    public double Accuracy => Images == 0 ? double.NaN : (double)Right / Images;

    public void Add(int label, int predicted)
    {
        Images++;
        Right += label == predicted ? 1 : 0;
        _counts[(label, predicted)] = _counts.GetValueOrDefault((label, predicted)) + 1;
    }

    /// <summary>
    /// Pairs each label with one class, most frequent pairs first, and counts the predictions that would then be correct.
    /// </summary>
    /// <returns>Null where the labels fit without a permutation, or where there are too few images.</returns>
    public PermutedLabels? Permuted()
    {
        if (Images < ImagesForEachLabel * _counts.Keys.Select(key => key.Label).Distinct().LongCount())
            return null;
        var pairs = new SortedDictionary<int, int>();
        var taken = new HashSet<int>();
        var right = 0L;
        foreach (var ((label, predicted), count) in _counts.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key))
            if (!pairs.ContainsKey(label) && taken.Add(predicted))
            {
                pairs[label] = predicted;
                right += count;
            }

        var accuracy = (double)right / Images;
        return pairs.Count > 1 && accuracy >= Math.Max(0.3, 2 * Accuracy) && accuracy - Accuracy >= 0.25
            ? new PermutedLabels(accuracy, pairs)
            : null;
    }
}

/// <param name="Accuracy">Accuracy when each label means its paired class.</param>
/// <param name="Classes">Maps label to class.</param>
public sealed record PermutedLabels(double Accuracy, IReadOnlyDictionary<int, int> Classes);
