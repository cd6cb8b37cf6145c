namespace AgCam.Pipeline.Jobs;

/// <summary>What is known of a model without loading it.</summary>
/// <param name="Rows">Of its maps.</param>
/// <param name="Columns">Of its maps.</param>
public sealed record ModelCard(ClassNames Classes, int Rows, int Columns);
