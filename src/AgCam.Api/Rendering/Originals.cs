using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Rendering;

/// <summary>
/// Finds the picture behind an explanation again: through the items that refer to it, by the digest of its bytes. Pictures are never
/// copied, so one
/// may have changed or gone.
/// </summary>
internal sealed class Originals(IStore store, ReadOriginal read, ReferenceReader references)
{
    /// <summary>The same picture may stand in many places; a few are tried.</summary>
    private const int MaxPlaces = 8;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <exception cref="OriginalException">None of the places has these bytes (any more).</exception>
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
                $"The original of explanation {explanation.Id} has changed since it was explained: its bytes have another SHA-256."
            )
            : new OriginalException(
                isGone: true,
                $"The original of explanation {explanation.Id} cannot be read any more: it was moved or deleted, or its upload has expired."
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
            return null; // a worker waits for a host that is away, a person does not
        }
        catch (ImageException)
        {
            return null; // gone, or not to be read by us: which of both is nobody's business
        }
    }
}

/// <summary>The bytes of an image.</summary>
/// <exception cref="ImageException">It cannot be had.</exception>
internal delegate Task<byte[]> ReadOriginal(ImageReference reference, CancellationToken cancellationToken);

/// <summary>The picture behind an explanation cannot be shown.</summary>
/// <param name="isGone">Else it is another one now.</param>
internal sealed class OriginalException(bool isGone, string message) : Exception(message)
{
    public bool IsGone { get; } = isGone;
}
