using System.Globalization;
using AgCam.Evaluation;
using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Worker.Batching;
using AgCam.Worker.Engines;

namespace AgCam.Worker.Chunks;

/// <summary>Converts computed results to stored records.</summary>
internal static class StoredForm
{
    /// <param name="ofLabel">Whether a target names the image's label.</param>
    public static StoredExplanation Of(Explanation explanation, Digest id, EngineInput image, Digest provenance, bool ofLabel) =>
        new()
        {
            Id = id,
            Image = image.Digest,
            Provenance = provenance,
            Picture = image.Facts,
            Top =
            [
                .. explanation
                    .Predictions.Take(StoredExplanation.MaxTop)
                    .Select(p => new StoredPrediction(p.Class, p.Name ?? Name(p.Class), (float)p.Logit, (float)p.Probability)),
            ],
            Logits = TopLogits.From(explanation.Logits),
            LogSumExp = (float)explanation.LogSumExp,
            LabelLogit = ofLabel && explanation.Label is { } label ? explanation.Logits[label] : null,
            Maps =
            [
                .. explanation.Targets.Select(target =>
                    TargetMap.From(
                        target.Requested,
                        target.Class,
                        target.Name ?? Name(target.Class),
                        target.Heatmap.Rows,
                        target.Heatmap.Columns,
                        target.Heatmap.Values
                    ) with
                    {
                        Against = target.Against,
                        AgainstName = target.Against is { } against ? target.AgainstName ?? Name(against) : null,
                    }
                ),
            ],
            Embedding = explanation.Embedding is { } embedding ? HalfBytes.From(embedding) : null,
        };

    /// <summary>Returns the label's logit from the stored form; null when it is not stored.</summary>
    public static float? LabelLogit(StoredExplanation stored, int label) => stored.LabelLogit ?? stored.Logits.Find(label);

    /// <summary>Returns the item of a stored explanation. It is the same whether the explanation was found or computed.</summary>
    /// <param name="label">The label's class; null without a label, or when the model does not know it.</param>
    /// <param name="labelLogit">Null without a label's class.</param>
    public static Item Completed(
        ExplainImages request,
        ImageReference reference,
        StoredExplanation stored,
        Plan plan,
        int? label,
        float? labelLogit,
        DateTimeOffset time
    )
    {
        var top = stored.Top[0];
        return Bare(request, reference, stored.Image, time) with
        {
            Status = ItemStatus.Completed,
            Predicted = top.Name,
            Probability = top.Probability,
            LabelClass = label is { } known ? plan.Engine.Classes[known] ?? Name(known) : null,
            Correct = label is null ? null : label == top.Class,
            LabelLogit = labelLogit,
            LabelProbability = labelLogit is { } logit ? (float)Math.Exp((double)logit - stored.LogSumExp) : null,
            Boxes = stored.Maps is [var map, ..]
                ? plan.Engine.Boxes(
                    new Heatmap(map.Rows, map.Columns, map.Values()),
                    stored.Picture.Width,
                    stored.Picture.Height,
                    request.Threshold
                )
                : [],
            Explanation = stored.Id,
        };
    }

    /// <summary>
    /// Returns the item of an evaluation's image, without an explanation. A skipped image has failed with its row's reason.
    /// </summary>
    /// <param name="classes">Null when nothing was measured.</param>
    public static Item Measured(
        ExplainImages request,
        ImageReference reference,
        ImageRow row,
        ClassNames? classes,
        string? detail,
        DateTimeOffset time
    ) =>
        row.Skipped is { } reason
            ? Failed(request, reference, null, reason, detail ?? "The image does not count in the evaluation.", time)
            : Bare(request, reference, null, time) with
            {
                Status = ItemStatus.Completed,
                Predicted = row.Predicted is { } predicted ? classes?[predicted] ?? Name(predicted) : null,
                Probability = (float?)row.PredictedProbability,
                LabelClass = row.Label is { } label ? row.LabelName ?? Name(label) : null,
                Correct = row.Correct,
                LabelProbability = (float?)row.Probability,
            };

    public static Item Failed(
        ExplainImages request,
        ImageReference reference,
        Digest? sha256,
        string reason,
        string detail,
        DateTimeOffset time
    ) => Bare(request, reference, sha256, time) with { Status = ItemStatus.Failed, Reason = reason, Detail = detail };

    private static Item Bare(ExplainImages request, ImageReference reference, Digest? sha256, DateTimeOffset time) =>
        new()
        {
            Job = request.Owner,
            Number = reference.Number,
            Status = ItemStatus.Failed,
            Kind = reference.Kind,
            Uri = reference.Uri,
            Stamp = reference.Stamp,
            Sha256 = sha256,
            Label = reference.Label,
            Split = reference.Split,
            Metadata = reference.Metadata,
            Model = request.Model.Id,
            Time = time,
        };

    private static string Name(int @class) => @class.ToString(CultureInfo.InvariantCulture);
}
