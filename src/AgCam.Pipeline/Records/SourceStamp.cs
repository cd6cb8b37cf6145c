using System.Text;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Records;

/// <summary>A source in one of its states: the same stamp means the same bytes, as far as that can be told without reading them.</summary>
/// <param name="Stamp">See <see cref="ImageReference.Stamp"/>.</param>
public readonly record struct SourceStamp(ReferenceKind Kind, string Uri, string Stamp)
{
    /// <returns>Null when the reference has no stamp.</returns>
    public static SourceStamp? Of(ImageReference reference) =>
        reference.Stamp is { } stamp ? new(reference.Kind, reference.Uri, stamp) : null;

    /// <returns>Null when the item is not completed, or has no stamp: nothing could be gained by knowing it.</returns>
    public static SourceStamp? Of(Item item) =>
        item is { Status: ItemStatus.Completed, Stamp: { } stamp, Sha256: not null } ? new(item.Kind, item.Uri, stamp) : null;

    /// <summary>
    /// What stores look it up by: 16 bytes, the first half of a SHA-256. Who finds something compares the stamp itself, too.
    /// </summary>
    internal byte[] Key() => Digest.Of(Encoding.UTF8.GetBytes($"{Kind}\n{Uri}\n{Stamp}")).ToArray()[..16];
}
