using AgCam.Heatmaps;

namespace AgCam.Preprocessing;

/// <summary>
/// Maps the model's input pixels to the original image. Coordinates are continuous: pixel i covers [i, i + 1), so the corners are (0, 0)
/// and (width, height).
/// </summary>
/// <param name="ScaleX">Original pixels per input pixel, horizontally.</param>
/// <param name="ScaleY">Original pixels per input pixel, vertically.</param>
/// <param name="OffsetX">Resized pixels left of the input. Positive after a crop, negative after padding.</param>
/// <param name="OffsetY">Resized pixels above the input. Positive after a crop, negative after padding.</param>
public readonly record struct InputTransform(
    double ScaleX,
    double ScaleY,
    double OffsetX,
    double OffsetY,
    int OriginalWidth,
    int OriginalHeight
)
{
    /// <summary>Returns the point in the original image. It is outside when the point lies in the padding.</summary>
    public (double X, double Y) ToOriginal(double x, double y) => ((x + OffsetX) * ScaleX, (y + OffsetY) * ScaleY);

    /// <summary>Returns the point in the model's input. It is outside when the point was cropped away.</summary>
    public (double X, double Y) ToInput(double x, double y) => ((x / ScaleX) - OffsetX, (y / ScaleY) - OffsetY);

    /// <summary>Returns the box in original pixels, clipped to the image; null when it lies entirely in the padding.</summary>
    public BoundingBox? ToOriginal(BoundingBox box)
    {
        var (left, top) = ToOriginal(box.X, box.Y);
        var (right, bottom) = ToOriginal(box.X + box.Width, box.Y + box.Height);
        left = Math.Clamp(left, 0, OriginalWidth);
        right = Math.Clamp(right, 0, OriginalWidth);
        top = Math.Clamp(top, 0, OriginalHeight);
        bottom = Math.Clamp(bottom, 0, OriginalHeight);
        return right > left && bottom > top ? new BoundingBox(left, top, right - left, bottom - top, box.Score) : null;
    }

    /// <summary>Returns the box in input pixels, not clipped: a part that was cropped away lies outside.</summary>
    public BoundingBox ToInput(BoundingBox box)
    {
        var (left, top) = ToInput(box.X, box.Y);
        return new BoundingBox(left, top, box.Width / ScaleX, box.Height / ScaleY, box.Score);
    }
}
