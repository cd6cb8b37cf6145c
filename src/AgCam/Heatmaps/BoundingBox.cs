namespace AgCam.Heatmaps;

/// <summary>An axis-aligned box: (X, Y) is its top left corner. Original pixels unless said otherwise.</summary>
/// <param name="Score">The share of the heatmap's mass inside the box's component, in [0, 1].</param>
public readonly record struct BoundingBox(double X, double Y, double Width, double Height, double Score = 0)
{
    public double Area => Width * Height;
}
