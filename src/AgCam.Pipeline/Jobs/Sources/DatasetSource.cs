using System.Runtime.CompilerServices;
using AgCam.Evaluation.Datasets;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>
/// Reads the samples of a labelled dataset in its own order. Workers read the same order, so a number names the same sample there.
/// </summary>
internal sealed class DatasetSource(string path, DatasetLayout layout, string? images, GuardedFiles files) : IImageSource
{
    public async IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var number = 0;
        foreach (var sample in Samples())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var reference = SampleReference.Of(sample);
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

    private IEnumerable<Sample> Samples()
    {
        using var samples = Read(() => Dataset.Read(path, layout, images, files).GetEnumerator());
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
