namespace AgCam.Evaluation;

/// <summary>A metric of the evaluation. Names are stored and printed: never rename one.</summary>
/// <param name="HigherIsBetter">False when lower is better.</param>
/// <param name="Meaning">Short text for a table's legend.</param>
public sealed record Metric(string Name, MetricFamily Family, bool HigherIsBetter, string Meaning)
{
    public static IReadOnlyList<Metric> All { get; } =
    [
        new("pixelAccuracy", MetricFamily.Localization, true, "pixels that the boxes put on the right side, correctly classified images"),
        new("iou", MetricFamily.Localization, true, "intersection over union of all boxes, correctly classified images"),
        new("dice", MetricFamily.Localization, true, "Dice coefficient, correctly classified images"),
        new("precision", MetricFamily.Localization, true, "share of the predicted boxes that is object, correctly classified images"),
        new("recall", MetricFamily.Localization, true, "share of the object that is boxed, correctly classified images"),
        .. BoxMetrics.Select(name => new Metric(
            name,
            MetricFamily.Localization,
            true,
            name switch
            {
                "maxBoxAcc" => "largest box has an IoU of at least 0.5, at the best threshold for these images",
                "maxBoxAccV2" => "any box, mean over IoU 0.3, 0.5, 0.7, each at its best threshold for these images",
                "gtKnownLoc" => "largest box has an IoU of at least 0.5 at the fixed threshold",
                "top1Loc" => "the same, and the predicted class is the label",
                _ => "the same, and the label is among the five most probable classes",
            }
        )),
        new("pointing", MetricFamily.Pointing, true, "the maximum of the map is in a box"),
        new("energy", MetricFamily.Pointing, true, "share of the map's mass in the boxes"),
        new("energyLift", MetricFamily.Pointing, true, "that share divided by the boxes' share of the area; a random map has 1"),
        new("aucMorf", MetricFamily.Perturbation, false, "probability of the label while the hottest pixels are removed"),
        new("aucLerf", MetricFamily.Perturbation, true, "probability of the label while the coldest pixels are removed"),
        new("abpc", MetricFamily.Perturbation, true, "area between the two"),
        new("insertion", MetricFamily.Insertion, true, "area under the probability while the hottest pixels appear in a blurred picture"),
        new("deletion", MetricFamily.Insertion, false, "area under the probability while the hottest pixels are removed, row by row"),
        new("averageDrop", MetricFamily.Insertion, false, "share of the probability lost on the picture multiplied by the map"),
        new("increaseInConfidence", MetricFamily.Insertion, true, "share of images where the probability grows"),
        new(
            "maskPixelAccuracy",
            MetricFamily.Masks,
            true,
            "share of pixels for which threshold and mask agree, correctly classified images"
        ),
        new(
            "maskIou",
            MetricFamily.Masks,
            true,
            "intersection over union of the pixels above the threshold and the mask, correctly classified images"
        ),
        new("maskDice", MetricFamily.Masks, true, "Dice coefficient of the same, correctly classified images"),
        new(
            "maskPrecision",
            MetricFamily.Masks,
            true,
            "share of the pixels above the threshold that is object, correctly classified images"
        ),
        new("maskRecall", MetricFamily.Masks, true, "share of the object that is above the threshold, correctly classified images"),
        new("maskPointing", MetricFamily.Masks, true, "the maximum of the map is on the object"),
        new("maskEnergy", MetricFamily.Masks, true, "share of the map's mass on the object"),
        new("randomLogit", MetricFamily.Sanity, false, "rank correlation with the map of another class"),
        new("randomHead", MetricFamily.Sanity, false, "rank correlation with the map after the head was randomised"),
        new("randomTop25", MetricFamily.Sanity, false, "the same, head and the upper quarter of the blocks"),
        new("randomTop50", MetricFamily.Sanity, false, "the same, head and the upper half of the blocks"),
        new("randomTop75", MetricFamily.Sanity, false, "the same, head and the upper three quarters of the blocks"),
        new("randomWeights", MetricFamily.Sanity, false, "rank correlation with the map of a model with random weights"),
        new(
            "maxSensitivity",
            MetricFamily.Sanity,
            false,
            "largest change of the map, relative to its norm, for four draws of noise up to 0.02 on the normalised picture"
        ),
    ];

    /// <summary>Names of the metrics of <see cref="Metrics.BoxAccuracy"/>, in the order of its shares.</summary>
    internal static IReadOnlyList<string> BoxMetrics => ["maxBoxAcc", "maxBoxAccV2", "gtKnownLoc", "top1Loc", "top5Loc"];

    public static IReadOnlyList<Metric> Of(IEnumerable<MetricFamily> families) =>
        [.. All.Where(metric => families.Contains(metric.Family))];
}
