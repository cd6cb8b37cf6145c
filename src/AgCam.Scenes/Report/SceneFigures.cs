using AgCam.Evaluation.Metrics;

namespace AgCam.Scenes.Report;

/// <summary>Figures of a <see cref="SceneReport"/>.</summary>
public sealed record SceneFigures(
    SceneReportOptions Options,
    AccuracyFigures Accuracy,
    ShortcutFigures Shortcut,
    KnockoutFigures Knockout,
    LocalizationFigures Localization
);

/// <summary>Accuracy on fresh scenes.</summary>
/// <param name="Share">Share of the scenes that are predicted correctly.</param>
/// <param name="PerClass">Share for each class, in the order of the classes.</param>
public sealed record AccuracyFigures(int Scenes, double Share, IReadOnlyList<(string Class, double Share)> PerClass);

/// <summary>Effect of the watermark: the same pictures with and without it.</summary>
/// <param name="Pasted">Number of scenes of other classes that were not predicted as the watermarked class before the mark was pasted
/// on.</param>
/// <param name="Flipped">Share of them that is predicted as the watermarked class with the mark.</param>
/// <param name="RightBefore">Share of them predicted correctly without the mark.</param>
/// <param name="RightAfter">Share of them still predicted correctly with it.</param>
/// <param name="Marked">Number of scenes of the watermarked class that are drawn with the mark.</param>
/// <param name="RightMarked">Share of them predicted correctly.</param>
/// <param name="RightUnmarked">Share of the same scenes predicted correctly without the mark.</param>
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

/// <summary>Localisation of the watermark by a heatmap, on pictures whose prediction it flipped.</summary>
/// <param name="Map">Name of the heatmap.</param>
/// <param name="Energy">Share of the map's mass inside the watermark's box, after upsampling to pixels.</param>
/// <param name="Lift">Energy divided by the box's share of the picture; 1 is chance.</param>
/// <param name="Pointing">Share of maps whose highest pixel is in the box or within half a patch of it, that is in a patch that shows part
/// of the mark.</param>
/// <param name="Chance">Share of the picture that the box covers.</param>
/// <param name="PointingChance">Share of the picture within half a patch of the box.</param>
public sealed record MarkFigures(
    string Map,
    int Pictures,
    Interval Energy,
    Interval Lift,
    Interval Pointing,
    double Chance,
    double PointingChance
);

/// <summary>Flipped predictions when attention to the watermark's patches is cut in every block.</summary>
/// <param name="Flipped">Share predicted as the watermarked class without a cut.</param>
/// <param name="BlindClassToken">Share when the class token cannot attend to the mark's patches.</param>
/// <param name="BlindPatches">Share when the other patches cannot attend to them.</param>
/// <param name="Chance">Share of all patches that show the mark.</param>
/// <param name="Sigmoid">AG-CAM's map: its share of mass on the mark's patches, and the share of pictures whose highest patch is one of
/// them.</param>
/// <param name="Softmax">As <paramref name="Sigmoid"/>, when patches are weighted by softmax attention instead of the sigmoid of the
/// score.</param>
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

/// <summary>Figures of one block.</summary>
/// <param name="Attention">Attention weight of the class token on the mark's patches, mean over heads and pictures.</param>
/// <param name="Energy">Share of this block's AG-CAM map that lies on them.</param>
/// <param name="Pointing">Share of pictures in which this block's highest patch is one of them.</param>
/// <param name="Mass">Share of the whole map that this block adds.</param>
/// <param name="Gate">Sigmoid of the class token's scores, mean over heads and patches: AG-CAM's weight of the gradients.</param>
public sealed record BlockFigures(int Block, double Attention, double Energy, double Pointing, double Mass, double Gate);

/// <summary>Localisation of the object by each method, on correctly predicted scenes.</summary>
/// <param name="Flat">Number of skipped flat maps.</param>
public sealed record LocalizationFigures(double Threshold, int Flat, IReadOnlyList<LocalizationGroup> Groups);

/// <summary>Figures of a group of scenes.</summary>
/// <param name="Name">Name of the group of scenes.</param>
/// <param name="OverRollout">Mean difference of IoU between AG-CAM and rollout on the same scenes; <paramref name="OverCentreBox"/>
/// likewise for the centre box.</param>
public sealed record LocalizationGroup(
    string Name,
    int Scenes,
    IReadOnlyList<MethodFigures> Methods,
    Interval OverRollout,
    Interval OverCentreBox
);

/// <summary>Figures of a method.</summary>
/// <param name="Iou">The paper's IoU: union of the predicted boxes against the object's box, at the model's input size.</param>
/// <param name="Energy">Share of the map's mass inside the object's box. Null without a map.</param>
public sealed record MethodFigures(string Method, Interval Iou, Interval? Energy, Interval? Pointing);
