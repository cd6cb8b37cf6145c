namespace AgCam.Pipeline.Jobs;

/// <summary>Facts about a model that need no loading.</summary>
/// <param name="Rows">Number of rows of its maps.</param>
/// <param name="Columns">Number of columns of its maps.</param>
public sealed record ModelCard(ClassNames Classes, int Rows, int Columns);
