using System.Runtime.CompilerServices;
using AgCam.Evaluation.Datasets;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>
/// Reads a labelled dataset in its own order. An evaluation gets its samples: one per class of an image's objects. Workers read the same
/// order, so a number names the same sample there. Other jobs get its images with their boxes.
/// </summary>
internal sealed class DatasetSource(string path, EvaluationSpec? evaluation, string? images, GuardedFiles files) : IImageSource
{
    public async IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var number = 0;
        foreach (var (sample, reference) in References())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (
                sample.Key.Length > ExplainImagesRules.MaxMetadataValue
                || sample.Path.Length > ExplainImagesRules.MaxUri
                || sample.Path.Contains('\0')
            )
                throw new SourceException(
                    $"{path}: image {number + 1} has a name that is too long or holds a zero character: {sample.Key.Length} characters "
                        + $"where {ExplainImagesRules.MaxMetadataValue} are allowed. Rename the file."
                );
            if (++number > tail.NextImage)
                yield return reference;
            else if (number == tail.NextImage && reference.Uri != tail.LastUri)
                throw new SourceException(
                    $"{path} has changed since planning began: image {number} was {tail.LastUri} and is {reference.Uri}. Submit "
                        + $"it as a new job."
                )
                {
                    HasChanged = true,
                };
            await Task.CompletedTask;
        }
        if (number < tail.NextImage)
            throw new SourceException(
                $"{path} has changed since planning began: it had {tail.NextImage} images or more and has {number}. Submit it as a new job."
            )
            {
                HasChanged = true,
            };
    }

    private IEnumerable<(Sample Sample, ImageReference Reference)> References()
    {
        if (evaluation is not null)
        {
            foreach (var sample in Samples())
                yield return (sample, SampleReference.Of(sample));
            yield break;
        }
        List<Sample> image = [];
        foreach (var sample in Samples())
        {
            if (image.Count > 0 && image[0].Path != sample.Path)
            {
                yield return (image[0], ImageOf(image));
                image.Clear();
            }
            image.Add(sample);
        }
        if (image.Count > 0)
            yield return (image[0], ImageOf(image));
    }

    private ImageReference ImageOf(IReadOnlyList<Sample> samples)
    {
        var reference = SampleReference.OfImage(samples);
        return ReferenceSanitizer.Sanitize(
            reference with
            {
                Stamp = files.Roots.Find(reference.Uri) is { } real ? FileStamp.Of(real)?.ToString() : null,
            },
            samples[0].Key
        );
    }

    private IEnumerable<Sample> Samples()
    {
        using var samples = Read(() => Dataset.Read(path, evaluation?.Layout ?? DatasetLayout.Auto, images, files).GetEnumerator());
        while (Read(samples.MoveNext))
            yield return samples.Current;
    }

    private static T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e)
            when (e is DatasetException or IOException or UnauthorizedAccessException or FormatException or ArgumentException)
        {
            throw new SourceException($"The dataset cannot be read: {e.Message}", e);
        }
    }
}
