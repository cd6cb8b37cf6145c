using System.Globalization;
using AgCam.Heatmaps;

namespace AgCam.Api.Rendering;

/// <summary>Picture options of a query string.</summary>
/// <param name="Size">Longest side in pixels; null for the size of the image, or 336 for the overlay of a smaller one.</param>
/// <param name="Target">Index of the map, from 0, or a target that asked for it; null for the first map.</param>
/// <param name="MaxSide">Maximum side in pixels.</param>
internal sealed record PictureQuery(Colormap Colormap, double Opacity, int? Size, double Threshold, bool Boxes, string? Target, int MaxSide)
{
    /// <summary>Query parameters of an overlay.</summary>
    public static readonly string[] OverlayNames = ["colormap", "opacity", "size", "threshold", "boxes", "target"];

    /// <summary>Query parameters of a heatmap; opacity does not apply.</summary>
    public static readonly string[] HeatmapNames = ["colormap", "size", "threshold", "boxes", "target"];

    /// <exception cref="InvalidRequestException">A value is out of its range.</exception>
    public static PictureQuery Read(IQueryCollection query, int maxSide, bool boxes)
    {
        try
        {
            return new PictureQuery(
                Colormap.ByName(query.Text("colormap") ?? Colormap.Inferno.Name),
                query.Number("opacity", 0, 1) ?? 0.75,
                query.Whole("size", 16, maxSide),
                query.Number("threshold", 0, 1) ?? 0.5,
                query.Flag("boxes") ?? boxes,
                query.Text("target"),
                maxSide
            );
        }
        catch (ArgumentException colormap)
        {
            throw new InvalidRequestException(colormap.Message.Split(" (Parameter")[0], "Use one of them, or leave colormap out.");
        }
    }

    /// <summary>Returns the canonical text of the options except the target, for the ETag.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Colormap.Name}-{Opacity:R}-{Size ?? 0}-{Threshold:R}-{(Boxes ? 'b' : 'n')}");
}
