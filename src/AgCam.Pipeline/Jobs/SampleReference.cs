using AgCam.Evaluation.Datasets;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// A dataset's sample as an image of a job. What the dataset says of it stays there: the worker reads it itself, and finds the sample
/// by its number.
/// </summary>
public static class SampleReference
{
    /// <summary>In the metadata: the sample's key, under which the rows have it.</summary>
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
