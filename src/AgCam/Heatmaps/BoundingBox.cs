namespace AgCam.Heatmaps;

/// <summary>Axis-aligned box with its top left corner at (X, Y), in original pixels unless stated otherwise.</summary>
/// <param name="Score">Share of the heatmap's mass inside the box's component, in [0, 1].</param>
public readonly record struct BoundingBox(double X, double Y, double Width, double Height, double Score = 0)
{
    public double Right => X + Width;

    public double Bottom => Y + Height;

    public double Area => Width * Height;

    /// <summary>Returns the area of the intersection over the area of the union, in [0, 1]; 0 when both are empty.</summary>
    public double Iou(BoundingBox other)
    {
        var width = Math.Min(Right, other.Right) - Math.Max(X, other.X);
        var height = Math.Min(Bottom, other.Bottom) - Math.Max(Y, other.Y);
        if (width <= 0 || height <= 0)
            return 0;
        var intersection = width * height;
        return intersection / (Area + other.Area - intersection);
    }

    /// <summary>Returns the part inside an image of that size; zero width or height when there is none.</summary>
    public BoundingBox Clip(double width, double height)
    {
        var (x, y) = (Math.Clamp(X, 0, width), Math.Clamp(Y, 0, height));
        return this with { X = x, Y = y, Width = Math.Clamp(Right, x, width) - x, Height = Math.Clamp(Bottom, y, height) - y };
    }
}
