using System.Runtime.CompilerServices;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>
/// Returns the images below a folder of a bucket, or with a prefix that ends in *, in the order of their keys. One page of the listing is
/// in memory at a time.
/// </summary>
internal sealed class S3Source : IImageSource
{
    private readonly S3Objects _objects;
    private readonly S3Place _prefix;
    private readonly bool _byClass;

    /// <param name="byClass">Whether an image's label is its first folder below the place.</param>
    /// <exception cref="SourceException">The address is malformed or may not be read.</exception>
    public S3Source(S3Objects objects, string place, bool byClass)
    {
        if (S3Place.Parse(place) is not { } given)
            throw new SourceException($"{place} is not an S3 source. Write s3://bucket/folder.");
        var prefix = given with
        {
            Key =
                given.Key.EndsWith('*') ? given.Key[..^1]
                : given.Key.Length == 0 || given.Key.EndsWith('/') ? given.Key
                : given.Key + "/",
        };
        if (!prefix.IsPlain || !objects.IsAllowed(prefix))
            throw new SourceException(
                $"The source {place} is in no bucket that may be read. The operator allows one with Pipeline:References:S3:Buckets."
            );
        (_objects, _prefix, _byClass) = (objects, prefix, byClass);
    }

    public async IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Objects may have been added or deleted since planning began. The key order gives the next one.
        var after = tail.LastUri is { } last ? S3Place.Parse(last)?.Key : null;
        await using var found = _objects.ListAsync(_prefix, after, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await NextAsync(found))
        {
            var (key, stamp) = found.Current;
            if (ImageFiles.IsImage(key) && (_prefix with { Key = key }).IsPlain)
                yield return ReferenceSanitizer.Sanitize(
                    new ImageReference
                    {
                        Kind = ReferenceKind.S3,
                        Uri = $"{_prefix with { Key = key }}",
                        Label = _byClass ? LabelOf(key) : null,
                        Stamp = stamp,
                    },
                    $"{_prefix with { Key = key }}"
                );
        }
    }

    /// <summary>
    /// Returns whether there is another object. Planning retries when the server does not answer; any other failure pauses the job.
    /// </summary>
    private static async Task<bool> NextAsync(IAsyncEnumerator<(string, string)> found)
    {
        try
        {
            return await found.MoveNextAsync();
        }
        catch (ImageException e) when (e.Reason != ReferenceFailure.Unreachable)
        {
            throw new SourceException($"{e.Reason}: {e.Message}", e);
        }
    }

    private string? LabelOf(string key)
    {
        var below = key[(_prefix.Key.LastIndexOf('/') + 1)..];
        var end = below.IndexOf('/');
        return end > 0 ? below[..end] : null;
    }
}
