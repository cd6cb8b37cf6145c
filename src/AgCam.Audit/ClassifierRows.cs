using AgCam.Models;

namespace AgCam.Audit;

/// <summary>Weights of a model's classifier, one row per class: the logit of a class is its row times the embedding, plus a bias.</summary>
public sealed class ClassifierRows
{
    private readonly float[] _values;

    /// <param name="values">[classes, width], row-major.</param>
    public ClassifierRows(int classes, int width, float[] values)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, classes * width, nameof(values));
        (Classes, Width, _values) = (classes, width, values);
    }

    public int Classes { get; }

    /// <summary>Width of an embedding.</summary>
    public int Width { get; }

    /// <param name="model">Folder or file of the model. Its weights are read without libtorch.</param>
    /// <exception cref="ModelException">The model cannot be read.</exception>
    public static ClassifierRows Read(string model, CheckpointOptions options)
    {
        using var checkpoint = Checkpoint.Open(model, options);
        var weights = checkpoint.Weights["head.weight"];
        return new ClassifierRows((int)weights.Shape[0], (int)weights.Shape[1], weights.ToFloat32());
    }

    /// <summary>Returns the row of a class, [width].</summary>
    public ReadOnlySpan<float> this[int index] => _values.AsSpan(index * Width, Width);
}
