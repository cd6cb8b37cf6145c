using System.Buffers.Binary;
using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using MongoDB.Bson.IO;

namespace AgCam.Pipeline.Stores.Documents;

/// <summary>
/// Converts the fields of an item that no query filters or sorts by to BSON. The others (status, model, predicted, probability, correct,
/// label, its class and probability, explanation, time) are columns in SQLite and separate fields in MongoDB.
/// </summary>
internal static class ItemDocument
{
    private const int BoxBytes = 5 * 4;

    public static byte[] Encode(Item item) => Bson.Encode(item, WriteFields);

    public static void WriteFields(IBsonWriter writer, Item item)
    {
        if (item.Kind != ReferenceKind.File)
            Bson.WriteText(writer, "kind", item.Kind.ToString());
        Bson.WriteText(writer, "uri", item.Uri);
        if (item.Sha256 is { } sha256)
            Bson.WriteDigest(writer, "sha256", sha256);
        Bson.WriteText(writer, "stamp", item.Stamp);
        Bson.WriteText(writer, "split", item.Split);
        Bson.WritePairs(writer, "metadata", item.Metadata);
        Bson.WriteText(writer, "reason", item.Reason);
        Bson.WriteText(writer, "detail", item.Detail);
        Bson.WriteNumber(writer, "labelLogit", item.LabelLogit);
        if (item.Boxes.Count > 0)
        {
            writer.WriteName("boxes");
            writer.WriteBytes(PackBoxes(item.Boxes));
        }
    }

    /// <summary>Returns the source of an item with its stamp, and the digest of the image; null when the item lacks one of them.</summary>
    public static (SourceStamp Source, Digest Sha256)? SourceOf(byte[] body)
    {
        var fields = new Fields();
        Bson.Decode(body, fields.Read);
        var item = fields.ToItem(default, 0, ItemStatus.Completed, "", default);
        return SourceStamp.Of(item) is { } source ? (source, item.Sha256!.Value) : null;
    }

    /// <summary>Packs x, y, width, height and score of each box as little-endian float32: 20 bytes, where a BSON array has 70.</summary>
    private static byte[] PackBoxes(IReadOnlyList<BoundingBox> boxes)
    {
        var bytes = new byte[BoxBytes * boxes.Count];
        var rest = bytes.AsSpan();
        foreach (var box in boxes)
        {
            BinaryPrimitives.WriteSingleLittleEndian(rest, (float)box.X);
            BinaryPrimitives.WriteSingleLittleEndian(rest[4..], (float)box.Y);
            BinaryPrimitives.WriteSingleLittleEndian(rest[8..], (float)box.Width);
            BinaryPrimitives.WriteSingleLittleEndian(rest[12..], (float)box.Height);
            BinaryPrimitives.WriteSingleLittleEndian(rest[16..], (float)box.Score);
            rest = rest[BoxBytes..];
        }
        return bytes;
    }

    private static BoundingBox[] UnpackBoxes(byte[] bytes)
    {
        var boxes = new BoundingBox[bytes.Length / BoxBytes];
        for (var i = 0; i < boxes.Length; i++)
        {
            var box = bytes.AsSpan(BoxBytes * i);
            boxes[i] = new BoundingBox(
                BinaryPrimitives.ReadSingleLittleEndian(box),
                BinaryPrimitives.ReadSingleLittleEndian(box[4..]),
                BinaryPrimitives.ReadSingleLittleEndian(box[8..]),
                BinaryPrimitives.ReadSingleLittleEndian(box[12..]),
                BinaryPrimitives.ReadSingleLittleEndian(box[16..])
            );
        }
        return boxes;
    }

    /// <summary>Collects the fields. The caller adds those that its store keeps outside this document.</summary>
    internal sealed class Fields
    {
        private ReferenceKind _kind = ReferenceKind.File;
        private string _uri = "";
        private Digest? _sha256;
        private string? _stamp,
            _split,
            _reason,
            _detail;
        private IReadOnlyDictionary<string, string>? _metadata;
        private float? _labelLogit;
        private BoundingBox[] _boxes = [];

        public void Read(IBsonReader reader, string field)
        {
            switch (field)
            {
                case "kind":
                    _kind = Enum.Parse<ReferenceKind>(reader.ReadString());
                    break;
                case "uri":
                    _uri = reader.ReadString();
                    break;
                case "sha256":
                    _sha256 = Bson.ReadDigest(reader);
                    break;
                case "stamp":
                    _stamp = reader.ReadString();
                    break;
                case "split":
                    _split = reader.ReadString();
                    break;
                case "metadata":
                    _metadata = PairsSerializer.Read(reader);
                    break;
                case "reason":
                    _reason = reader.ReadString();
                    break;
                case "detail":
                    _detail = reader.ReadString();
                    break;
                case "labelLogit":
                    _labelLogit = (float)reader.ReadDouble();
                    break;
                case "boxes":
                    _boxes = UnpackBoxes(reader.ReadBytes());
                    break;
                default:
                    reader.SkipValue();
                    break;
            }
        }

        public Item ToItem(Guid job, int number, ItemStatus status, string model, DateTimeOffset time) =>
            new()
            {
                Job = job,
                Number = number,
                Status = status,
                Model = model,
                Time = time,
                Kind = _kind,
                Uri = _uri,
                Sha256 = _sha256,
                Stamp = _stamp,
                Split = _split,
                Reason = _reason,
                Detail = _detail,
                Metadata = _metadata,
                LabelLogit = _labelLogit,
                Boxes = _boxes,
            };
    }
}
