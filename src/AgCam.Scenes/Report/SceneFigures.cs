using AgCam.Evaluation.Metrics;

namespace AgCam.Scenes.Report;

/// <summary>Everything that <see cref="SceneReport"/> measured.</summary>
public sealed record SceneFigures(
    SceneReportOptions Options,
    AccuracyFigures Accuracy,
    ShortcutFigures Shortcut,
    KnockoutFigures Knockout,
    LocalizationFigures Localization
);

/// <param name="Share">Of the scenes, predicted right.</param>
/// <param name="PerClass">The same within each class, in the order of the classes.</param>
public sealed record AccuracyFigures(int Scenes, double Share, IReadOnlyList<(string Class, double Share)> PerClass);

/// <summary>The watermark as a cause: the same pictures with and without it, nothing else changed.</summary>
/// <param name="Pasted">Scenes of the other classes that the model did not take for the watermarked class, before the mark was pasted
/// on.</param>
/// <param name="Flipped">Share of them that the model takes for the watermarked class with the mark.</param>
/// <param name="RightBefore">Share of them predicted right without the mark.</param>
/// <param name="RightAfter">Share of them still predicted right with it.</param>
/// <param name="Marked">Scenes of the watermarked class that carry the mark by nature.</param>
/// <param name="RightMarked">Share of them predicted right.</param>
/// <param name="RightUnmarked">Share of the same scenes predicted right once the mark is off.</param>
public sealed record ShortcutFigures(
    int Pasted,
    Interval Flipped,
    double RightBefore,
    double RightAfter,
    int Marked,
    double RightMarked,
    Interval RightUnmarked,
    IReadOnlyList<MarkFigures> Heatmaps
);

/// <summary>How well a heatmap finds the watermark on the pictures whose prediction it flipped.</summary>
/// <param name="Map">Which heatmap.</param>
/// <param name="Energy">Share of the map's mass, upsampled to pixels, inside the watermark's box.</param>
/// <param name="Lift">That share over the box's share of the picture: 1 is chance.</param>
/// <param name="Pointing">Share of the maps whose highest pixel lies in the box or within half a patch of it: in a patch that shows
/// part of the mark.</param>
/// <param name="Chance">The box's share of the picture.</param>
/// <param name="PointingChance">The same for the box with half a patch around it, within the picture.</param>
public sealed record MarkFigures(
    string Map,
    int Pictures,
    Interval Energy,
    Interval Lift,
    Interval Pointing,
    double Chance,
    double PointingChance
);

/// <summary>What happens to the flipped predictions when attention to the watermark's patches is cut, in every block.</summary>
/// <param name="Flipped">Share predicted as the watermarked class with nothing cut.</param>
/// <param name="BlindClassToken">The same when the class token cannot see the mark's patches.</param>
/// <param name="BlindPatches">The same when the other patches cannot.</param>
/// <param name="Chance">The mark's patches' share of all.</param>
/// <param name="Sigmoid">AG-CAM's whole map on the mark's patches: its share of heat there, and the share of pictures whose highest
/// patch is one of them.</param>
/// <param name="Softmax">The same had the sum weighted each patch by the attention's softmax instead of the sigmoid of its score.</param>
public sealed record KnockoutFigures(
    int Pictures,
    double Flipped,
    double BlindClassToken,
    double BlindPatches,
    double Chance,
    IReadOnlyList<BlockFigures> Blocks,
    (double Energy, double Pointing) Sigmoid,
    (double Energy, double Pointing) Softmax
);

/// <param name="Attention">The class token's attention weight on the mark's patches, mean over heads and pictures.</param>
/// <param name="Energy">Share of this block's part of the AG-CAM map on them.</param>
/// <param name="Pointing">Share of the pictures where the highest patch of this block's part is one of them.</param>
/// <param name="Mass">This block's share of the whole map.</param>
/// <param name="Gate">The sigmoid of the class token's scores, mean over heads and patches: what AG-CAM weights gradients by.</param>
public sealed record BlockFigures(int Block, double Attention, double Energy, double Pointing, double Mass, double Gate);

/// <summary>Scenes that the model predicts right, and how well each method's boxes fit the object.</summary>
/// <param name="Flat">Maps that show nothing: skipped.</param>
public sealed record LocalizationFigures(double Threshold, int Flat, IReadOnlyList<LocalizationGroup> Groups);

/// <param name="Name">Which scenes.</param>
/// <param name="OverRollout">Mean difference of the IoU of AG-CAM and of rollout over the same scenes; likewise the centre box.</param>
public sealed record LocalizationGroup(
    string Name,
    int Scenes,
    IReadOnlyList<MethodFigures> Methods,
    Interval OverRollout,
    Interval OverCentreBox
);

/// <param name="Iou">The paper's: union of the predicted boxes against the object's box, at the model's input size.</param>
/// <param name="Energy">Share of the map's mass inside the object's box; null where there is no map.</param>
public sealed record MethodFigures(string Method, Interval Iou, Interval? Energy, Interval? Pointing);
