namespace AgCam.Labels;

/// <summary>Predictions against labels: the accuracy, and whether it is low only because two orders of the classes were mixed up.</summary>
public sealed class LabelAgreement
{
    /// <summary>Below this many images a label, some permutation fits by chance.</summary>
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
    /// Pairs each label with one class, the most frequent pairs first, and asks how many predictions would then be right.
    /// </summary>
    /// <returns>Null where the labels fit as they are, or where there are too few images to tell.</returns>
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

/// <param name="Accuracy">The share that would be right if each label meant the class it is paired with.</param>
/// <param name="Classes">From label to class.</param>
public sealed record PermutedLabels(double Accuracy, IReadOnlyDictionary<int, int> Classes);
