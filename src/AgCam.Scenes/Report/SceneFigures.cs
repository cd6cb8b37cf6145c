using AgCam.Metrics;

namespace AgCam.Scenes.Report;

/// <summary>Everything that <see cref="SceneReport"/> measured.</summary>
public sealed record SceneFigures(SceneReportOptions Options, AccuracyFigures Accuracy, ShortcutFigures Shortcut, LocalizationFigures Localization);

/// <param name="Share">Of the scenes, predicted right.</param>
/// <param name="PerClass">The same within each class, in the order of the classes.</param>
public sealed record AccuracyFigures(int Scenes, double Share, IReadOnlyList<(string Class, double Share)> PerClass);

/// <summary>The watermark as a cause: the same pictures with and without it, nothing else changed.</summary>
/// <param name="Pasted">Scenes of the other classes that the model did not take for the watermarked class, before the mark was pasted on.</param>
/// <param name="Flipped">Share of them that the model takes for the watermarked class with the mark.</param>
/// <param name="RightBefore">Share of them predicted right without the mark.</param>
/// <param name="RightAfter">Share of them still predicted right with it.</param>
/// <param name="Marked">Scenes of the watermarked class that carry the mark by nature.</param>
/// <param name="RightMarked">Share of them predicted right.</param>
/// <param name="RightUnmarked">Share of the same scenes predicted right once the mark is off.</param>
public sealed record ShortcutFigures(
    int Pasted, Interval Flipped, double RightBefore, double RightAfter, int Marked, double RightMarked, Interval RightUnmarked, IReadOnlyList<MarkFigures> Heatmaps);

/// <summary>How well a heatmap finds the watermark on the pictures whose prediction it flipped.</summary>
/// <param name="Map">Which heatmap.</param>
/// <param name="Energy">Share of the map's mass, upsampled to pixels, inside the watermark's box.</param>
/// <param name="Lift">That share over the box's share of the picture: 1 is chance.</param>
/// <param name="Pointing">Share of the maps whose highest pixel lies in the box.</param>
/// <param name="Chance">The box's share of the picture.</param>
public sealed record MarkFigures(string Map, int Pictures, Interval Energy, Interval Lift, Interval Pointing, double Chance);

/// <summary>Scenes that the model predicts right, and how well each method's boxes fit the object.</summary>
/// <param name="Flat">Maps that show nothing: skipped.</param>
public sealed record LocalizationFigures(double Threshold, int Flat, IReadOnlyList<LocalizationGroup> Groups);

/// <param name="Name">Which scenes.</param>
/// <param name="OverRollout">Mean difference of the IoU of AG-CAM and of rollout over the same scenes; likewise the centre box.</param>
public sealed record LocalizationGroup(string Name, int Scenes, IReadOnlyList<MethodFigures> Methods, Interval OverRollout, Interval OverCentreBox);

/// <param name="Iou">The paper's: union of the predicted boxes against the object's box, at the model's input size.</param>
/// <param name="Energy">Share of the map's mass inside the object's box; null where there is no map.</param>
public sealed record MethodFigures(string Method, Interval Iou, Interval? Energy, Interval? Pointing);
