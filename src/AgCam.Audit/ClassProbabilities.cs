namespace AgCam.Audit;

/// <summary>
/// Probabilities of the classes of one image. An image with many classes may hold only the most probable ones: the others count as 0.
/// </summary>
public sealed class ClassProbabilities
{
    private readonly double[] _values;
    private readonly int[]? _classes; // of the values; null where they are all classes, by index

    /// <param name="values">One probability in [0, 1] per class. They sum to 1.</param>
    public ClassProbabilities(double[] values)
    {
        ArgumentOutOfRangeException.ThrowIfZero(values.Length, nameof(values));
        (_values, Count) = (values, values.Length);
        Predicted = values.AsSpan().IndexOf(values.Max());
    }

    /// <param name="classes">Indices of the most probable classes, without repetition. The first is the predicted one.</param>
    /// <param name="values">Their probabilities.</param>
    /// <param name="count">Number of all classes.</param>
    public ClassProbabilities(int[] classes, double[] values, int count)
    {
        ArgumentOutOfRangeException.ThrowIfZero(values.Length, nameof(values));
        ArgumentOutOfRangeException.ThrowIfNotEqual(classes.Length, values.Length, nameof(classes));
        (_classes, _values, Count, Predicted) = (classes, values, count, classes[0]);
    }

    /// <summary>Number of classes.</summary>
    public int Count { get; }

    /// <summary>Class with the highest probability; the lowest index of equal ones.</summary>
    public int Predicted { get; }

    public double this[int index] =>
        _classes is null ? _values[index]
        : Array.IndexOf(_classes, index) is >= 0 and var place ? _values[place]
        : 0;

    /// <summary>
    /// Returns the class with the highest probability among those that reach their threshold; the lowest index of equal ones. Null when
    /// no class does.
    /// </summary>
    /// <param name="thresholds">Threshold per class, above 0.</param>
    public int? HighestAtLeast(IReadOnlyList<double> thresholds)
    {
        (int Class, double Value)? highest = null;
        for (var i = 0; i < _values.Length; i++)
        {
            var found = (Class: _classes?[i] ?? i, Value: _values[i]);
            if (found.Value < thresholds[found.Class])
                continue;
            if (highest is not { } best || found.Value > best.Value || (found.Value == best.Value && found.Class < best.Class))
                highest = found;
        }
        return highest?.Class;
    }
}
