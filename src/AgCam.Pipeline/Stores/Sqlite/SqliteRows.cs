using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>Explanation as it is inserted.</summary>
internal sealed record SqliteExplanationRow(byte[] Id, byte[] Body)
{
    public static SqliteExplanationRow From(StoredExplanation explanation) =>
        new(explanation.Id.ToArray(), ExplanationDocument.Encode(explanation));
}

/// <summary>Item as it is inserted.</summary>
/// <param name="Source">Key of the image's source and stamp; null when the image was not read.</param>
internal sealed record SqliteItemRow(Item Item, byte[]? Explanation, byte[] Body, byte[]? Source)
{
    /// <param name="read">Whether the image was read for this item.</param>
    public static SqliteItemRow From(Item item, bool read = true) =>
        new(item, item.Explanation?.ToArray(), ItemDocument.Encode(item), read ? SourceStamp.Of(item)?.Key() : null);
}
