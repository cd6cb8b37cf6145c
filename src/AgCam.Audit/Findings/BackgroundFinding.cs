using System.Globalization;

namespace AgCam.Audit.Findings;

/// <summary>
/// Scores whether the model looked at the annotated objects: e / (e + a), e the share of the heat in the boxes and a their share of the
/// area. An even map has 0.5.
/// </summary>
public sealed class BackgroundFinding : SingleImageFinding
{
    public override string Name => "background";

    public override string Needs => "heatmaps and boxes";

    public override double Threshold => 0.5;

    public override string Rule =>
        "e / (e + a), e the share of the heat in the boxes and a their share of the area, is below 0.5: an even map has more heat there";

    public override ImageScore? Score(AuditRow row) => BoxHeat.Of(row) is { } heat ? Scored(heat.Energy / (heat.Energy + heat.Area)) : null;

    public override string Explain(AuditRow row, ClassNames classes)
    {
        var heat = BoxHeat.Of(row)!.Value;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{100 * heat.Energy:0.0} % of the heat lie in the annotated boxes, which have {100 * heat.Area:0.0} % of the area"
        );
    }

    private ImageScore Scored(double score) => new(score, score < Threshold);
}
