using System.Globalization;
using AgCam.Pipeline.Records;

namespace AgCam.Audit.Findings;

/// <summary>
/// Scores the quality of pictures from their facts. The scores follow CleanVision; thresholds differ where the facts do, since they are
/// measured on a thumbnail.
/// </summary>
public sealed class PictureFinding : SingleImageFinding
{
    private const double Flat = 0.05; // range of the luma below which noise decides about edges

    private readonly Func<PictureFacts, double?> _score;
    private readonly Func<PictureFacts, string> _explain;

    private PictureFinding(
        string name,
        double threshold,
        string rule,
        Func<PictureFacts, double?> score,
        Func<PictureFacts, string> explain
    )
    {
        (Name, Threshold, Rule) = (name, threshold, string.Create(CultureInfo.InvariantCulture, $"{rule} is below {threshold}"));
        (_score, _explain) = (score, explain);
    }

    /// <summary>The 99th percentile of the luma is low.</summary>
    public static PictureFinding Dark() =>
        new(
            "dark",
            0.32,
            "the 99th percentile of the luma, from 0 to 1,",
            facts => facts.LumaP99,
            facts => Text($"99 % of the picture have a luma of at most {facts.LumaP99:0.00}")
        );

    /// <summary>The 5th percentile of the luma is high.</summary>
    public static PictureFinding Bright() =>
        new(
            "bright",
            0.05,
            "1 minus the 5th percentile of the luma, from 0 to 1,",
            facts => 1 - facts.LumaP5,
            facts => Text($"95 % of the picture have a luma of at least {facts.LumaP5:0.00}")
        );

    /// <summary>The Laplacian of the luma varies little beside the range of the luma. Dark and bright pictures compare.</summary>
    public static PictureFinding Blurry() =>
        new(
            "blurry",
            0.29,
            "1 - exp(-180 v), v the variance of the Laplacian of a thumbnail of 128 pixels, in units of the squared range of its luma,",
            facts => Range(facts) < Flat ? null : 1 - Math.Exp(-180 * Sharpness(facts)),
            facts => Text($"the Laplacian has a variance of {Sharpness(facts):0.0000} in units of the squared range of the luma")
        );

    /// <summary>One side is much longer than the other.</summary>
    public static PictureFinding Aspect() =>
        new(
            "aspect",
            0.35,
            "the shorter side divided by the longer one",
            facts => (double)Math.Min(facts.Width, facts.Height) / Math.Max(facts.Width, facts.Height),
            facts => Text($"the picture has {facts.Width} x {facts.Height} pixels")
        );

    /// <summary>The luma has few different values.</summary>
    public static PictureFinding LowInformation() =>
        new(
            "low-information",
            0.1,
            "a tenth of the entropy of the luma, in bits,",
            facts => Math.Min(1, facts.Entropy / 10),
            facts => Text($"the luma has an entropy of {facts.Entropy:0.0} of 8 bits")
        );

    public override string Name { get; }

    public override string Needs => "pictures";

    public override double Threshold { get; }

    public override string Rule { get; }

    public override ImageScore? Score(AuditRow row)
    {
        return row.Picture is { } facts && _score(facts) is { } score ? new ImageScore(score, score < Threshold) : null;
    }

    public override string Explain(AuditRow row, ClassNames classes) => _explain(row.Picture!);

    private static double Range(PictureFacts facts) => facts.LumaP99 - facts.LumaP5;

    private static double Sharpness(PictureFacts facts) => facts.Blur / Math.Pow(255 * Range(facts), 2);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
