using System.Globalization;
using AgCam.Pipeline.Records;

namespace AgCam.Audit.Findings;

/// <summary>A property of pictures with fixed bins, so that counts of shards can be added.</summary>
/// <param name="Bins">Number of bins, in the order of the property.</param>
/// <param name="Bin">Returns the bin of a picture.</param>
/// <param name="Text">Describes pictures of the bins from the first to the last, as in "40 % of them ...".</param>
internal sealed record PictureProperty(string Name, int Bins, Func<PictureFacts, int> Bin, Func<int, int, string> Text)
{
    private const int HashColumns = 8; // bits of a row

    /// <summary>Brightness, blur, aspect, size and the 64 bits of the difference hash.</summary>
    public static IReadOnlyList<PictureProperty> All { get; } =
    [
        Of("brightness", 20, 0.05, 0, facts => facts.Brightness, edge => Number(edge), "have a mean luma"),
        Of("blur", 16, 1, 0, facts => Math.Log2(1 + facts.Blur), edge => Number(Math.Pow(2, edge) - 1), "have a variance of the Laplacian"),
        Of(
            "aspect",
            24,
            0.25,
            -3,
            facts => Math.Log2((double)facts.Width / facts.Height),
            edge => Number(Math.Pow(2, edge)),
            "have a width divided by the height"
        ),
        Of(
            "size",
            28,
            1,
            4,
            facts => Math.Log2((double)facts.Width * facts.Height),
            edge => Math.Pow(2, edge).ToString("N0", CultureInfo.InvariantCulture),
            "have a number of pixels"
        ),
        .. Enumerable.Range(0, 64).Select(HashBit),
    ];

    /// <summary>Returns a property with bins of one width. The first and the last bin are open.</summary>
    /// <param name="from">Lower edge of the first bin.</param>
    /// <param name="edgeText">Text of an edge.</param>
    private static PictureProperty Of(
        string name,
        int bins,
        double width,
        double from,
        Func<PictureFacts, double> value,
        Func<double, string> edgeText,
        string text
    )
    {
        return new PictureProperty(name, bins, Bin, Text);

        int Bin(PictureFacts facts) =>
            value(facts) is var found && double.IsFinite(found) ? (int)Math.Clamp(Math.Floor((found - from) / width), 0, bins - 1) : 0;

        string Text(int first, int last)
        {
            var (low, high) = (edgeText(from + (first * width)), edgeText(from + ((last + 1) * width)));
            return first == 0 ? $"{text} below {high}"
                : last == bins - 1 ? $"{text} of {low} or more"
                : $"{text} of {low} to {high}";
        }
    }

    /// <param name="index">From the highest bit.</param>
    private static PictureProperty HashBit(int index)
    {
        var (row, column) = ((index / HashColumns) + 1, (index % HashColumns) + 1);
        return new PictureProperty(
            $"hash bit {index}",
            2,
            facts => (int)((unchecked((ulong)facts.PerceptualHash) >> (63 - index)) & 1),
            (first, _) =>
                $"are {(first == 1 ? "brighter" : "not brighter")} in cell {column} than in cell {column + 1} of row {row} of 8 x 9 cells"
        );
    }

    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
