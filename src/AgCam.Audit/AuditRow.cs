namespace AgCam.Audit;

/// <summary>What an audit knows about one image. Null stands for what the input lacks.</summary>
/// <param name="Number">Row of the image in the input, from 0.</param>
/// <param name="Path">Path or name of the image.</param>
public sealed record AuditRow(long Number, string? Path)
{
    /// <summary>Class index of the given label.</summary>
    public int? Label { get; init; }

    public ClassProbabilities? Probabilities { get; init; }
}
