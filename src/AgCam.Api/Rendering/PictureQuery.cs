using System.Globalization;
using AgCam.Heatmaps;

namespace AgCam.Api.Rendering;

/// <summary>How a picture is wanted, from the query string.</summary>
/// <param name="Size">Longest side in pixels; null for the picture's own.</param>
/// <param name="Target">Which of the explanation's maps, from 0.</param>
/// <param name="MaxSide">The longest side that is drawn, whatever the photo's is.</param>
internal sealed record PictureQuery(Colormap Colormap, double Opacity, int? Size, double Threshold, bool Boxes, int Target, int MaxSide)
{
    /// <summary>What may stand in the query of an overlay.</summary>
    public static readonly string[] OverlayNames = ["colormap", "opacity", "size", "threshold", "boxes", "target"];

    /// <summary>What may stand in the query of a heatmap; there is nothing below it that could shine through.</summary>
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
                query.Whole("target", 0, 1000) ?? 0,
                maxSide
            );
        }
        catch (ArgumentException colormap)
        {
            throw new InvalidRequestException(colormap.Message.Split(" (Parameter")[0], "Take one of them, or leave colormap out.");
        }
    }

    /// <summary>The same pictures have the same text: the part of an ETag that follows from the query.</summary>
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Colormap.Name}-{Opacity:R}-{Size ?? 0}-{Threshold:R}-{(Boxes ? 'b' : 'n')}-{Target}"
        );
}
