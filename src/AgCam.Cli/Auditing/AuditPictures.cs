using AgCam.Audit;
using AgCam.Audit.Stored;
using AgCam.Cli.Comparing;
using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Cli.Auditing;

/// <summary>Draws the images that a report lists, with the heatmap of the prediction, as WebP.</summary>
internal static class AuditPictures
{
    private const int Side = 224;

    /// <param name="numbers">Numbers of the images in the job.</param>
    /// <returns>Pictures by number. An image whose original is gone has its heatmap alone, or none without a heatmap.</returns>
    public static async Task<IReadOnlyDictionary<long, byte[]>> DrawAsync(
        IEnumerable<long> numbers,
        JobRows rows,
        OriginalImages originals,
        CancellationToken cancellationToken
    )
    {
        var pictures = new Dictionary<long, byte[]>();
        foreach (var number in numbers.Distinct().Order())
            if (
                await rows.FindAsync((int)number, cancellationToken) is { } row
                && await DrawAsync(row, originals, cancellationToken) is { } drawn
            )
                pictures[number] = WebpEncoder.Encode(drawn);
        return pictures;
    }

    private static async Task<RgbImage?> DrawAsync(AuditRow row, OriginalImages originals, CancellationToken cancellationToken)
    {
        var map = row.Map?.Normalize();
        try
        {
            var photo = await originals.ReadAsync(row.Reference!, row.Sha256!.Value, cancellationToken);
            return map is null
                ? Scaled(photo)
                : new ExplanationPicture(photo, map, row.MapArea ?? new BoundingBox(0, 0, photo.Width, photo.Height))
                    .Fit(Side)
                    .Overlay(
                        new PictureOptions
                        {
                            PanelSide = Side,
                            Boxes = false,
                            Opacity = 0.6,
                        }
                    );
        }
        catch (ImageException)
        {
            return map is null ? null : Overlay.Paint(map, Side, Math.Max(1, Side * map.Rows / map.Columns), Colormap.Inferno);
        }
    }

    private static RgbImage Scaled(RgbImage photo)
    {
        var (width, height) = PictureScaling.Fit(photo.Width, photo.Height, Side);
        return PictureScaling.Resize(photo, width, height);
    }
}
