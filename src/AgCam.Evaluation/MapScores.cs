using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;

namespace AgCam.Evaluation;

/// <summary>Scores one heatmap against one image's boxes and mask. Thread-safe.</summary>
internal static class MapScores
{
    /// <summary>A thousand thresholds that include every <see cref="EvaluationOptions.Threshold"/>.</summary>
    public static readonly ThresholdSweep Sweep = ThresholdSweep.Even();

    /// <param name="map">Normalised, at the model's input size.</param>
    public static BoxHits Localization(
        EvaluationImage image,
        Heatmap map,
        EvaluationOptions options,
        bool correct,
        Dictionary<string, double> values
    )
    {
        var prepared = image.Prepared!;
        var input = (prepared.Width, prepared.Height);
        var seen = image.Boxes.Select(box => prepared.Transform.ToInput(box).Clip(prepared.Width, prepared.Height)).ToList();
        if (correct)
        {
            // The paper squashes the image and scales box corners by width and height. For a cropped image the boxes are mapped to the
            // input first.
            var transform = prepared.Transform;
            var squashed =
                transform is { OffsetX: 0, OffsetY: 0 }
                && Math.Abs((transform.ScaleX * prepared.Width) - transform.OriginalWidth) < 0.5
                && Math.Abs((transform.ScaleY * prepared.Height) - transform.OriginalHeight) < 0.5;
            var predicted = map.Boxes(options.Threshold);
            var scores =
                options.Parity == Parity.None ? LocalizationScores.Measure(predicted, seen, input)
                : squashed ? LocalizationScores.Paper(predicted, image.Boxes, (transform.OriginalWidth, transform.OriginalHeight), input)
                : LocalizationScores.Paper(predicted, seen, input, input);
            Put(values, "pixelAccuracy", scores.PixelAccuracy);
            Put(values, "iou", scores.Iou);
            Put(values, "dice", scores.Dice);
            Put(values, "precision", scores.Precision);
            Put(values, "recall", scores.Recall);
        }

        return BoxHits.Of(Sweep.Measure(map, seen));
    }

    /// <summary>Scores the map against the image's mask, which must not be null.</summary>
    public static void Masks(EvaluationImage image, Heatmap map, EvaluationOptions options, bool correct, Dictionary<string, double> values)
    {
        if (correct)
        {
            var scores = MaskScores.Measure(map, image.Mask!, options.Threshold);
            Put(values, "maskPixelAccuracy", scores.PixelAccuracy);
            Put(values, "maskIou", scores.Iou);
            Put(values, "maskDice", scores.Dice);
            Put(values, "maskPrecision", scores.Precision);
            Put(values, "maskRecall", scores.Recall);
        }

        var (hit, energy) = MaskScores.Pointing(map, image.Mask!);
        values["maskPointing"] = hit ? 1 : 0;
        Put(values, "maskEnergy", energy);
    }

    /// <inheritdoc cref="Localization"/>
    public static void Pointing(EvaluationImage image, Heatmap map, Dictionary<string, double> values)
    {
        var prepared = image.Prepared!;
        var seen = image.Boxes.Select(box => prepared.Transform.ToInput(box).Clip(prepared.Width, prepared.Height)).ToList();
        values["pointing"] = Metrics.Pointing.Hits(map, seen) ? 1 : 0;
        var (energy, lift) = Metrics.Pointing.Energy(map, seen);
        Put(values, "energy", energy);
        Put(values, "energyLift", lift);
    }

    public static void Put(Dictionary<string, double> values, string metric, double value)
    {
        if (double.IsFinite(value))
            values[metric] = value;
    }
}
