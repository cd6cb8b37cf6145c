using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Rendering;

/// <summary>
/// Finds the image of an explanation through its items, and verifies the digest. Images are not copied, so one may have changed or
/// disappeared.
/// </summary>
internal sealed class Originals(IStore store, ReadOriginal read, ReferenceReader references)
{
    /// <summary>Maximum number of locations that are tried.</summary>
    private const int MaxPlaces = 8;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <exception cref="OriginalException">No location has these bytes any more.</exception>
    public async Task<RgbImage> ReadAsync(StoredExplanation explanation, CancellationToken cancellationToken)
    {
        var places = await store.Items.PageAsync(new ItemQuery { Explanation = explanation.Id, Limit = MaxPlaces }, cancellationToken);
        var changed = 0;
        foreach (var item in places.Items)
        {
            if (await BytesAsync(item, cancellationToken) is not { } bytes)
                continue;
            if (Digest.Of(bytes) == explanation.Image)
                return ImageDecoder.Decode(bytes, references.Limits); // as it was explained
            changed++;
        }
        throw changed > 0
            ? new OriginalException(
                isGone: false,
                $"The original of explanation {explanation.Id} has changed: its bytes have another SHA-256."
            )
            : new OriginalException(
                isGone: true,
                $"The original of explanation {explanation.Id} can no longer be read: it was moved or deleted, or its upload has expired."
            );
    }

    private async Task<byte[]?> BytesAsync(Item item, CancellationToken cancellationToken)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        time.CancelAfter(Timeout);
        try
        {
            return await read(
                new ImageReference
                {
                    Number = item.Number,
                    Kind = item.Kind,
                    Uri = item.Uri,
                },
                time.Token
            );
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null; // only workers wait for a host that does not answer
        }
        catch (ImageException)
        {
            return null; // missing and forbidden look the same to the caller
        }
    }
}

/// <summary>Reads the bytes of an image.</summary>
/// <exception cref="ImageException">The image cannot be read.</exception>
internal delegate Task<byte[]> ReadOriginal(ImageReference reference, CancellationToken cancellationToken);

/// <summary>The image of an explanation is not available.</summary>
/// <param name="isGone">True when it is gone, false when it has changed.</param>
internal sealed class OriginalException(bool isGone, string message) : Exception(message)
{
    public bool IsGone { get; } = isGone;
}
