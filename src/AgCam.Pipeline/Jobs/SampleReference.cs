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

    public static ImageReference Of(Sample sample) =>
        new()
        {
            Kind = ReferenceKind.File,
            Uri = sample.Path,
            Label = sample.Label is { Length: >= 1 and <= ExplainImagesRules.MaxText } label ? label : null,
            Metadata = new Dictionary<string, string> { [KeyName] = sample.Key },
        };

    public static string? Key(ImageReference reference) => reference.Metadata?.GetValueOrDefault(KeyName);
}
