using AgCam.Evaluation.Datasets;
using AgCam.Models;
using AgCam.Preprocessing;

namespace AgCam.Evaluation.Presets;

/// <summary>
/// Preset agcam-aaai24: the paper's evaluation. It fixes the weights, the class order, the preprocessing, the dataset and the protocol.
/// Deviations of a run are listed with its result.
/// </summary>
public sealed class PaperPreset
{
    public const string Name = "agcam-aaai24";

    /// <summary>Weights of the paper. The name without the tag after the dot refers to later weights.</summary>
    public const string Model = "timm/vit_base_patch16_224.orig_in21k_ft_in1k";

    /// <summary>
    /// Commit on the Hub with these weights. Source: a public manifest of that commit (github.com/kurtvalcorza/vit-classification-pipeline,
    /// weights/vit-base-p16-224/dimer-base-manifest.json), not the Hub itself.
    /// </summary>
    public const string Revision = "e0bd370de6799e8d1f47a911174ff4c3708e2323";

    /// <summary>SHA-256 of model.safetensors at <see cref="Revision"/>, from the same manifest.</summary>
    public const string Sha256 = "669b949ea91fd19217f200cee259780bde32210c1eb9a5af3859f0dd8346b2ec";

    /// <summary>Threshold on the normalised map.</summary>
    public const double Threshold = 0.5;

    private const int InputSide = 224;
    private static readonly float[] Half = [0.5f, 0.5f, 0.5f];

    private readonly IReadOnlyList<string> _findings;
    private readonly IReadOnlyList<string> _classes;

    private PaperPreset(IReadOnlyList<string> classes, IReadOnlyList<string> findings) => (_classes, _findings) = (classes, findings);

    /// <summary>Checks the dataset: an annotation for each of the 50,000 validation images of ILSVRC 2012.</summary>
    /// <param name="classes">WordNet ids in the order of the model's outputs. Null: the ids of the dataset in ordinal order.</param>
    /// <param name="partial">Accepts a part of the dataset. Each missing part becomes a deviation.</param>
    /// <exception cref="DatasetException">The dataset is another one, or incomplete without <paramref name="partial"/>.</exception>
    public static PaperPreset Of(string dataset, string? images = null, IReadOnlyList<string>? classes = null, bool partial = false)
    {
        var findings = IlsvrcDataset.Check(dataset, images, out var seen);
        if (findings.Count > 0 && !partial)
            throw new DatasetException(
                $"{dataset} is not the whole validation set of ILSVRC 2012: {string.Join("; ", findings)}. Set PaperPreset.Of(partial) to "
                    + "evaluate the existing part; the result lists what is missing."
            );
        if (classes is null && seen.Count != 1000)
            throw new DatasetException(
                $"The images have {seen.Count} classes, which do not determine the order of the model's 1,000. Give "
                    + $"CheckpointOptions.ClassNames with the 1,000 WordNet ids in their order."
            );
        return new PaperPreset(classes ?? seen, findings);
    }

    /// <summary>
    /// Returns a checkpoint's options with the paper's values: squashed to 224 x 224, bilinear, mean and standard deviation 0.5, and the
    /// class order.
    /// </summary>
    /// <exception cref="ArgumentException">An option that the preset fixes is given.</exception>
    public CheckpointOptions Over(CheckpointOptions given)
    {
        var (size, mean, std, mode, filter) = (
            given.ImageSize ?? InputSide,
            given.Mean ?? Half,
            given.Std ?? Half,
            given.CropMode ?? CropMode.Squash,
            given.Interpolation ?? Interpolation.Bilinear
        );
        if (
            size != InputSide
            || !mean.SequenceEqual(Half)
            || !std.SequenceEqual(Half)
            || mode != CropMode.Squash
            || filter != Interpolation.Bilinear
            || given.CropPct is not (null or 1)
        )
            throw new ArgumentException(
                $"The preset {Name} fixes the preprocessing (squashed to {InputSide} x {InputSide}, bilinear, mean and "
                    + $"standard deviation 0.5). Omit those options.",
                nameof(given)
            );
        return given with
        {
            ImageSize = size,
            Mean = mean,
            Std = std,
            CropMode = mode,
            CropPct = null,
            Interpolation = filter,
            ClassNames = _classes,
        };
    }

    /// <summary>Returns the deviations from the paper, one sentence each.</summary>
    public IReadOnlyList<string> Deviations(Explainer explainer)
    {
        var deviations = new List<string>(_findings);
        if (explainer.ModelSha256.ToString() != Sha256)
            deviations.Add($"the model is {explainer.ModelId} with other weights than {Model}@{Revision}, whose SHA-256 is {Sha256}");
        if (explainer.Classes.WordNetIds is { } own && !own.SequenceEqual(_classes))
            deviations.Add("the checkpoint's own WordNet ids are in another order than the classes");
        if (_classes.Count != 1000 || _classes[0] != "n01440764" || _classes[^1] != "n15075141")
            deviations.Add(
                $"the {_classes.Count} classes, {_classes[0]} to {_classes[^1]}, are not the 1,000 of ImageNet, n01440764 to n15075141"
            );
        if (explainer.Dtype != "float32")
            deviations.Add($"the forward pass ran in {explainer.Dtype}");
        return deviations;
    }
}
