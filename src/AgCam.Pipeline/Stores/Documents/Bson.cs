using AgCam.Evaluation;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;
using MongoDB.Bson.Serialization.Conventions;
using MongoDB.Bson.Serialization.Serializers;

namespace AgCam.Pipeline.Stores.Documents;

/// <summary>
/// Records as BSON, the same bytes in both stores: MongoDB's documents, and the columns of SQLite that nothing filters by. What there
/// are millions of (<see cref="ExplanationDocument"/>, <see cref="ItemDocument"/>) is written by hand; the rest by the conventions
/// here.
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

    /// <summary>Must have run before the driver sees one of our types.</summary>
    public static void Register() => _ = Registered.Value;

    public static byte[] Encode<T>(T value) => value.ToBson();

    public static T Decode<T>(byte[] bytes) => BsonSerializer.Deserialize<T>(bytes);

    /// <summary>Kept by each thread: most documents are about 1.5 KB, and there are two for each image.</summary>
    [ThreadStatic]
    private static MemoryStream? _stream;

    /// <summary>One document, written by <paramref name="write"/>, which writes no other.</summary>
    public static byte[] Encode<T>(T value, Action<IBsonWriter, T> write)
    {
        const int MostKept = 1 << 16;
        var stream = _stream is { Capacity: <= MostKept } kept ? kept : _stream = new MemoryStream(4096);
        stream.SetLength(0);
        using (var writer = new BsonBinaryWriter(stream))
        {
            writer.WriteStartDocument();
            write(writer, value);
            writer.WriteEndDocument();
        }
        return stream.ToArray();
    }

    /// <summary>Walks the fields of one document; <paramref name="field"/> reads the value of the field it is told, or skips it.</summary>
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

    /// <summary>
    /// Guid, time, digest and dictionary have more than one representation in BSON: ours are named here and nowhere else.
    /// </summary>
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
                >(new EnumSerializer<MetricFamily>(BsonType.String)), // the convention for enums ends at lists
                _ => null,
            };
            if (serializer is not null)
                map.SetSerializer(serializer);
        }
    }
}
