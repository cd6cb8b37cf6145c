using AgCam.Evaluation.Datasets;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Converts a dataset's sample to an image reference. Annotations stay in the dataset: the worker finds the sample by its number.
/// </summary>
public static class SampleReference
{
    /// <summary>Metadata key of the sample's key, which its row has too.</summary>
    private const string KeyName = "image";

    /// <summary>Metadata key of an image's annotated objects, in the form of <see cref="Annotation.Read(string)"/>.</summary>
    public const string ObjectsName = "objects";

    public static ImageReference Of(Sample sample) =>
        new()
        {
            Kind = ReferenceKind.File,
            Uri = sample.Path,
            Label = sample.Label is { Length: >= 1 and <= ExplainImagesRules.MaxText } label ? label : null,
            Metadata = new Dictionary<string, string> { [KeyName] = sample.Key },
        };

    /// <summary>Converts all samples of one image, one per class of its objects, to a reference with their boxes.</summary>
    public static ImageReference OfImage(IReadOnlyList<Sample> samples)
    {
        var objects = samples.SelectMany(sample => sample.Boxes.Select(box => (sample.Label, box)));
        var isBroken = samples.Any(sample => SkipReason.BrokenAnnotation == (sample.Unusable ?? sample.WithoutBoxes));
        var isAnnotated = samples.Any(sample => sample.Boxes.Count > 0 || sample.WithoutBoxes == SkipReason.EmptyAnnotation);
        return Of(samples[0]) with
        {
            Label = samples is [{ Label: { Length: >= 1 and <= ExplainImagesRules.MaxText } only }] ? only : null,
            Metadata =
                isBroken ? new Dictionary<string, string> { [ObjectsName] = Annotation.Unreadable }
                : isAnnotated ? new Dictionary<string, string> { [ObjectsName] = Annotation.Text(objects) }
                : null,
        };
    }

    public static string? Key(ImageReference reference) => reference.Metadata?.GetValueOrDefault(KeyName);
}
