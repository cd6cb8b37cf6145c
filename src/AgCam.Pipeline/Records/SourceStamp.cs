using System.Text;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Records;

/// <summary>Address of an image with its stamp. Equal stamps mean equal bytes, as far as this is known without reading them.</summary>
/// <param name="Stamp">See <see cref="ImageReference.Stamp"/>.</param>
public readonly record struct SourceStamp(ReferenceKind Kind, string Uri, string Stamp)
{
    /// <summary>Returns the stamp of a reference.</summary>
    /// <returns>Null when the reference has no stamp.</returns>
    public static SourceStamp? Of(ImageReference reference) =>
        reference.Stamp is { } stamp ? new(reference.Kind, reference.Uri, stamp) : null;

    /// <summary>Returns the stamp of an item.</summary>
    /// <returns>Null when the item is not completed or has no stamp: a lookup by it would find no digest.</returns>
    public static SourceStamp? Of(Item item) =>
        item is { Status: ItemStatus.Completed, Stamp: { } stamp, Sha256: not null } ? new(item.Kind, item.Uri, stamp) : null;

    /// <summary>Returns the key of the stores' index: the first 16 bytes of a SHA-256. Readers also compare the stamp itself.</summary>
    internal byte[] Key() => Digest.Of(Encoding.UTF8.GetBytes($"{Kind}\n{Uri}\n{Stamp}")).ToArray()[..16];
}
