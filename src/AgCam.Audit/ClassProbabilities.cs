namespace AgCam.Audit;

/// <summary>Probabilities of all classes of one image, by class index.</summary>
public sealed class ClassProbabilities
{
    private readonly double[] _values;

    /// <param name="values">One probability in [0, 1] per class. They sum to 1.</param>
    public ClassProbabilities(double[] values)
    {
        ArgumentOutOfRangeException.ThrowIfZero(values.Length, nameof(values));
        _values = values;
        Predicted = values.AsSpan().IndexOf(values.Max());
    }

    public int Count => _values.Length;

    /// <summary>Class with the highest probability; the lowest index of equal ones.</summary>
    public int Predicted { get; }

    public double this[int index] => _values[index];

    /// <summary>
    /// Returns the class with the highest probability among those that reach their threshold; the lowest index of equal ones. Null when
    /// no class does.
    /// </summary>
    /// <param name="thresholds">Threshold per class.</param>
    public int? HighestAtLeast(IReadOnlyList<double> thresholds)
    {
        int? highest = null;
        for (var i = 0; i < _values.Length; i++)
            if (_values[i] >= thresholds[i] && (highest is not { } best || _values[i] > _values[best]))
                highest = i;
        return highest;
    }
}
