using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;
using MongoDB.Bson.Serialization.Serializers;

namespace AgCam.Pipeline.Stores.Documents;

/// <summary>Writes a digest as 32 binary bytes.</summary>
internal sealed class DigestSerializer : StructSerializerBase<Digest>
{
    public override Digest Deserialize(BsonDeserializationContext context, BsonDeserializationArgs args) => new(context.Reader.ReadBytes());

    public override void Serialize(BsonSerializationContext context, BsonSerializationArgs args, Digest value) =>
        context.Writer.WriteBytes(value.ToArray());
}

/// <summary>
/// Writes metadata columns as one flat array [name, value, name, value, ...]. Names may contain dots and dollar signs, which BSON field
/// names may not. They are sorted, so that equal columns have equal bytes.
/// </summary>
internal sealed class PairsSerializer : SerializerBase<IReadOnlyDictionary<string, string>?>
{
    public override IReadOnlyDictionary<string, string>? Deserialize(BsonDeserializationContext context, BsonDeserializationArgs args) =>
        Read(context.Reader);

    public override void Serialize(BsonSerializationContext context, BsonSerializationArgs args, IReadOnlyDictionary<string, string>? value)
    {
        if (value is null)
            context.Writer.WriteNull();
        else
            Write(context.Writer, value);
    }

    public static void Write(IBsonWriter writer, IReadOnlyDictionary<string, string> pairs)
    {
        writer.WriteStartArray();
        foreach (var (name, value) in pairs.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            writer.WriteString(name);
            writer.WriteString(value);
        }
        writer.WriteEndArray();
    }

    public static IReadOnlyDictionary<string, string>? Read(IBsonReader reader)
    {
        if (reader.GetCurrentBsonType() == MongoDB.Bson.BsonType.Null)
        {
            reader.ReadNull();
            return null;
        }
        var texts = Bson.ReadList(reader, element => element.ReadString());
        var pairs = new Dictionary<string, string>(texts.Count / 2, StringComparer.Ordinal);
        for (var i = 0; i + 1 < texts.Count; i += 2)
            pairs[texts[i]] = texts[i + 1];
        return pairs;
    }
}
