using AgCam.Evaluation;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;
using MongoDB.Bson.Serialization.Conventions;
using MongoDB.Bson.Serialization.Serializers;

namespace AgCam.Pipeline.Stores.Documents;

/// <summary>
/// Converts records to BSON, for documents in MongoDB and for columns in SQLite that no query filters by. Explanations and items, of
/// which there are millions, have their own writers (<see cref="ExplanationDocument"/>, <see cref="ItemDocument"/>). All other records
/// follow the conventions here.
/// </summary>
internal static class Bson
{
    static Bson() => Register();

    private static readonly Lazy<bool> Registered = new(() =>
    {
        var pack = new ConventionPack
        {
            new CamelCaseElementNameConvention(),
            new IgnoreIfNullConvention(true),
            new IgnoreExtraElementsConvention(true),
            new EnumRepresentationConvention(BsonType.String),
            new ExplicitTypes(),
        };
        ConventionRegistry.Register(
            "AgCam.Pipeline",
            pack,
            type => type.Namespace is { } name && (name == "AgCam" || name.StartsWith("AgCam.", StringComparison.Ordinal))
        );
        return true;
    });

    /// <summary>Registers the conventions, once. Call it before the driver uses a type of this program.</summary>
    public static void Register() => _ = Registered.Value;

    public static byte[] Encode<T>(T value) => value.ToBson();

    public static T Decode<T>(byte[] bytes) => BsonSerializer.Deserialize<T>(bytes);

    /// <summary>Buffer of this thread. Each image has two documents of about 1.5 KB, which would need a new buffer each.</summary>
    [ThreadStatic]
    private static MemoryStream? _stream;

    /// <summary>Returns one document whose fields <paramref name="write"/> writes. It must not encode another document.</summary>
    public static byte[] Encode<T>(T value, Action<IBsonWriter, T> write)
    {
        const int MaxKeptBytes = 1 << 16; // one large document does not keep its memory
        var stream = _stream is { Capacity: <= MaxKeptBytes } kept ? kept : _stream = new MemoryStream(4096);
        stream.SetLength(0);
        using (var writer = new BsonBinaryWriter(stream))
        {
            writer.WriteStartDocument();
            write(writer, value);
            writer.WriteEndDocument();
        }
        return stream.ToArray();
    }

    /// <summary>Calls <paramref name="field"/> with the name of each field of a document. It reads the value or skips it.</summary>
    public static void Decode(byte[] bytes, Action<IBsonReader, string> field)
    {
        using var stream = new MemoryStream(bytes, writable: false);
        using var reader = new BsonBinaryReader(stream);
        ReadFields(reader, field);
    }

    public static void ReadFields(IBsonReader reader, Action<IBsonReader, string> field)
    {
        reader.ReadStartDocument();
        while (reader.ReadBsonType() != BsonType.EndOfDocument)
            field(reader, reader.ReadName());
        reader.ReadEndDocument();
    }

    public static List<T> ReadList<T>(IBsonReader reader, Func<IBsonReader, T> element)
    {
        var list = new List<T>();
        reader.ReadStartArray();
        while (reader.ReadBsonType() != BsonType.EndOfDocument)
            list.Add(element(reader));
        reader.ReadEndArray();
        return list;
    }

    public static void WriteDigest(IBsonWriter writer, string name, Digest digest)
    {
        writer.WriteName(name);
        writer.WriteBytes(digest.ToArray());
    }

    public static Digest ReadDigest(IBsonReader reader) => new(reader.ReadBytes());

    public static void WriteText(IBsonWriter writer, string name, string? text)
    {
        if (text is null)
            return;
        writer.WriteName(name);
        writer.WriteString(text);
    }

    public static void WriteNumber(IBsonWriter writer, string name, double? number)
    {
        if (number is not { } value)
            return;
        writer.WriteName(name);
        writer.WriteDouble(value);
    }

    public static void WritePairs(IBsonWriter writer, string name, IReadOnlyDictionary<string, string>? pairs)
    {
        if (pairs is null)
            return;
        writer.WriteName(name);
        PairsSerializer.Write(writer, pairs);
    }

    /// <summary>Chooses the representation of the types that have several in BSON.</summary>
    private sealed class ExplicitTypes : ConventionBase, IMemberMapConvention
    {
        public void Apply(BsonMemberMap map)
        {
            IBsonSerializer? serializer = map.MemberType switch
            {
                var type when type == typeof(Guid) => new GuidSerializer(GuidRepresentation.Standard),
                var type when type == typeof(Guid?) => new NullableSerializer<Guid>(new GuidSerializer(GuidRepresentation.Standard)),
                var type when type == typeof(DateTimeOffset) => new DateTimeOffsetSerializer(BsonType.DateTime),
                var type when type == typeof(DateTimeOffset?) => new NullableSerializer<DateTimeOffset>(
                    new DateTimeOffsetSerializer(BsonType.DateTime)
                ),
                var type when type == typeof(Digest) => new DigestSerializer(),
                var type when type == typeof(Digest?) => new NullableSerializer<Digest>(new DigestSerializer()),
                var type when type == typeof(IReadOnlyDictionary<string, string>) => new PairsSerializer(),
                var type when type == typeof(IReadOnlyList<MetricFamily>) => new IEnumerableDeserializingAsCollectionSerializer<
                    IReadOnlyList<MetricFamily>,
                    MetricFamily,
                    List<MetricFamily>
                >(new EnumSerializer<MetricFamily>(BsonType.String)), // the convention for enums does not apply to lists
                _ => null,
            };
            if (serializer is not null)
                map.SetSerializer(serializer);
        }
    }
}
