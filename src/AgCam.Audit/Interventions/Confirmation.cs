using System.Globalization;
using AgCam.Evaluation.Metrics;

namespace AgCam.Audit.Interventions;

/// <summary>Outcome of the intervention on a candidate. Intervals hold 95 %.</summary>
/// <param name="Images">Number of pairs of images: one of the class, one of another class.</param>
/// <param name="FlipRate">Share of images of other classes that become the class when its suspected patches are pasted in.</param>
/// <param name="Control">The same with patches of a random place.</param>
/// <param name="FlipDifference">Paired difference of both.</param>
/// <param name="Drop">Drop of the class's probability when the suspected patches of its own images are erased.</param>
/// <param name="ControlDrop">The same at a random place.</param>
/// <param name="DropDifference">Paired difference of both.</param>
public sealed record Confirmation(
    CandidateStatus Status,
    int Images,
    Interval FlipRate,
    Interval Control,
    Interval FlipDifference,
    Interval Drop,
    Interval ControlDrop,
    Interval DropDifference
)
{
    /// <summary>Minimum difference between the flip rate and its control.</summary>
    public const double MinimumEffect = 0.2;

    /// <summary>Minimum number of pairs of images for a decision.</summary>
    public const int MinimumImages = 8;

    /// <summary>
    /// Confirms a candidate when pasting the patches flips predictions: the interval of the paired difference from the control lies above
    /// zero, and the difference is at least <see cref="MinimumEffect"/>. The drop does not decide: erasing any place where the model looks
    /// lowers the probability, an object's too.
    /// </summary>
    public static Confirmation Of(InterventionSums sums)
    {
        var (erased, pasted) = (sums.Erased, sums.Pasted);
        var difference = pasted.Difference();
        var status =
            pasted.Images < MinimumImages ? CandidateStatus.Candidate
            : difference is { Low: > 0, Mean: >= MinimumEffect } ? CandidateStatus.Confirmed
            : CandidateStatus.NotConfirmed;
        return new Confirmation(
            status,
            pasted.Images,
            pasted.FirstRate(),
            pasted.SecondRate(),
            difference,
            erased.FirstMean(),
            erased.SecondMean(),
            erased.Difference()
        );
    }

    /// <summary>Returns the outcome as a sentence.</summary>
    public string Text()
    {
        var (paste, erase) = (
            $"pasted into {Images} images of other classes the patches flip {Rate(FlipRate)}, patches of a random place {Rate(Control)}",
            $"erased, the class's probability drops by {Rate(Drop)}, at a random place by {Rate(ControlDrop)}"
        );
        return $"{paste}; {erase}";

        static string Rate(Interval rate) =>
            string.Create(CultureInfo.InvariantCulture, $"{Percent(rate.Mean)} % ({Percent(rate.Low)} to {Percent(rate.High)})");

        // Adding 0 turns -0 into 0.
        static double Percent(double share) => Math.Round(100 * share, MidpointRounding.AwayFromZero) + 0.0;
    }
}
