namespace AgCam.Heatmaps;

/// <summary>An axis-aligned box: (X, Y) is its top left corner. Original pixels unless said otherwise.</summary>
/// <param name="Score">The share of the heatmap's mass inside the box's component, in [0, 1].</param>
public readonly record struct BoundingBox(double X, double Y, double Width, double Height, double Score = 0)
{
    public double Right => X + Width;

    public double Bottom => Y + Height;

    public double Area => Width * Height;

    /// <summary>Area of the intersection over area of the union, in [0, 1]; 0 when both are empty.</summary>
    public double Iou(BoundingBox other)
    {
        var width = Math.Min(Right, other.Right) - Math.Max(X, other.X);
        var height = Math.Min(Bottom, other.Bottom) - Math.Max(Y, other.Y);
        if (width <= 0 || height <= 0)
            return 0;
        var intersection = width * height;
        return intersection / (Area + other.Area - intersection);
    }

    /// <summary>The part inside a picture of that size; empty (zero width or height) when there is none.</summary>
    public BoundingBox Clip(double width, double height)
    {
        var (x, y) = (Math.Clamp(X, 0, width), Math.Clamp(Y, 0, height));
        return this with { X = x, Y = y, Width = Math.Clamp(Right, x, width) - x, Height = Math.Clamp(Bottom, y, height) - y };
    }
}
