using AgCam.Pipeline.Records;
using MongoDB.Bson.IO;

namespace AgCam.Pipeline.Stores.Documents;

/// <summary>
/// Converts an explanation to BSON. Two explanations are equal if and only if their bytes are. The store's own fields (time of
/// insertion, condemned) are not part of it.
/// </summary>
internal static class ExplanationDocument
{
    public static byte[] Encode(StoredExplanation explanation) => Bson.Encode(explanation, WriteFields);

    /// <summary>Writes all fields except the id.</summary>
    public static void WriteFields(IBsonWriter writer, StoredExplanation explanation)
    {
        Bson.WriteDigest(writer, "image", explanation.Image);
        Bson.WriteDigest(writer, "provenance", explanation.Provenance);
        WritePicture(writer, explanation.Picture);
        writer.WriteName("top");
        writer.WriteStartArray();
        foreach (var prediction in explanation.Top)
            WritePrediction(writer, prediction);
        writer.WriteEndArray();
        writer.WriteName("logits");
        writer.WriteBytes(explanation.Logits.Packed.ToArray());
        Bson.WriteNumber(writer, "logSumExp", explanation.LogSumExp);
        Bson.WriteNumber(writer, "labelLogit", explanation.LabelLogit);
        writer.WriteName("maps");
        writer.WriteStartArray();
        foreach (var map in explanation.Maps)
            WriteMap(writer, map);
        writer.WriteEndArray();
        if (explanation.Embedding is { } embedding)
        {
            writer.WriteName("embedding");
            writer.WriteBytes(embedding);
        }
    }

    public static StoredExplanation Decode(Digest id, byte[] bytes)
    {
        var fields = new Fields();
        Bson.Decode(bytes, fields.Read);
        return fields.ToExplanation(id);
    }

    private static void WritePicture(IBsonWriter writer, PictureFacts picture)
    {
        writer.WriteName("picture"); // [width, height, perceptual hash, brightness, blur, entropy, 5th and 99th percentile of the luma]
        writer.WriteStartArray();
        writer.WriteInt32(picture.Width);
        writer.WriteInt32(picture.Height);
        writer.WriteInt64(picture.PerceptualHash);
        writer.WriteDouble(picture.Brightness);
        writer.WriteDouble(picture.Blur);
        writer.WriteDouble(picture.Entropy);
        writer.WriteDouble(picture.LumaP5);
        writer.WriteDouble(picture.LumaP99);
        writer.WriteEndArray();
    }

    private static PictureFacts ReadPicture(IBsonReader reader)
    {
        reader.ReadStartArray();
        var picture = new PictureFacts(
            reader.ReadInt32(),
            reader.ReadInt32(),
            reader.ReadInt64(),
            (float)reader.ReadDouble(),
            (float)reader.ReadDouble(),
            (float)reader.ReadDouble(),
            (float)reader.ReadDouble(),
            (float)reader.ReadDouble()
        );
        reader.ReadEndArray();
        return picture;
    }

    private static void WritePrediction(IBsonWriter writer, StoredPrediction prediction)
    {
        writer.WriteStartArray(); // [class, name, logit, probability]
        writer.WriteInt32(prediction.Class);
        writer.WriteString(prediction.Name);
        writer.WriteDouble(prediction.Logit);
        writer.WriteDouble(prediction.Probability);
        writer.WriteEndArray();
    }

    private static StoredPrediction ReadPrediction(IBsonReader reader)
    {
        reader.ReadStartArray();
        var prediction = new StoredPrediction(
            reader.ReadInt32(),
            reader.ReadString(),
            (float)reader.ReadDouble(),
            (float)reader.ReadDouble()
        );
        reader.ReadEndArray();
        return prediction;
    }

    private static void WriteMap(IBsonWriter writer, TargetMap map)
    {
        writer.WriteStartDocument();
        writer.WriteName("targets");
        writer.WriteStartArray();
        foreach (var target in map.Targets)
            writer.WriteString(target);
        writer.WriteEndArray();
        writer.WriteName("class");
        writer.WriteInt32(map.Class);
        Bson.WriteText(writer, "name", map.Name);
        if (map.Against is { } against)
        {
            writer.WriteName("against");
            writer.WriteInt32(against);
            Bson.WriteText(writer, "againstName", map.AgainstName);
        }
        writer.WriteName("rows");
        writer.WriteInt32(map.Rows);
        writer.WriteName("columns");
        writer.WriteInt32(map.Columns);
        writer.WriteName("map");
        writer.WriteBytes(map.Map);
        Bson.WriteNumber(writer, "min", map.Min);
        Bson.WriteNumber(writer, "max", map.Max);
        Bson.WriteNumber(writer, "sum", map.Sum);
        writer.WriteEndDocument();
    }

    private static TargetMap ReadMap(IBsonReader reader)
    {
        List<string> targets = [];
        var name = "";
        string? againstName = null;
        int? against = null;
        int @class = 0,
            rows = 0,
            columns = 0;
        byte[] map = [];
        float min = 0,
            max = 0,
            sum = 0;
        Bson.ReadFields(
            reader,
            (value, field) =>
            {
                switch (field)
                {
                    case "targets":
                        targets = Bson.ReadList(value, list => list.ReadString());
                        break;
                    case "class":
                        @class = value.ReadInt32();
                        break;
                    case "name":
                        name = value.ReadString();
                        break;
                    case "against":
                        against = value.ReadInt32();
                        break;
                    case "againstName":
                        againstName = value.ReadString();
                        break;
                    case "rows":
                        rows = value.ReadInt32();
                        break;
                    case "columns":
                        columns = value.ReadInt32();
                        break;
                    case "map":
                        map = value.ReadBytes();
                        break;
                    case "min":
                        min = (float)value.ReadDouble();
                        break;
                    case "max":
                        max = (float)value.ReadDouble();
                        break;
                    case "sum":
                        sum = (float)value.ReadDouble();
                        break;
                    default:
                        value.SkipValue();
                        break;
                }
            }
        );
        return new TargetMap
        {
            Targets = targets,
            Class = @class,
            Name = name,
            Against = against,
            AgainstName = againstName,
            Rows = rows,
            Columns = columns,
            Map = map,
            Min = min,
            Max = max,
            Sum = sum,
        };
    }

    /// <summary>Collects the fields, in any order.</summary>
    internal sealed class Fields
    {
        private Digest _image,
            _provenance;
        private PictureFacts? _picture;
        private List<StoredPrediction> _top = [];
        private byte[] _logits = [];
        private float _logSumExp;
        private float? _labelLogit;
        private List<TargetMap> _maps = [];
        private byte[]? _embedding;

        public void Read(IBsonReader reader, string field)
        {
            switch (field)
            {
                case "image":
                    _image = Bson.ReadDigest(reader);
                    break;
                case "provenance":
                    _provenance = Bson.ReadDigest(reader);
                    break;
                case "picture":
                    _picture = ReadPicture(reader);
                    break;
                case "top":
                    _top = Bson.ReadList(reader, ReadPrediction);
                    break;
                case "logits":
                    _logits = reader.ReadBytes();
                    break;
                case "logSumExp":
                    _logSumExp = (float)reader.ReadDouble();
                    break;
                case "labelLogit":
                    _labelLogit = (float)reader.ReadDouble();
                    break;
                case "maps":
                    _maps = Bson.ReadList(reader, ReadMap);
                    break;
                case "embedding":
                    _embedding = reader.ReadBytes();
                    break;
                default:
                    reader.SkipValue();
                    break;
            }
        }

        public StoredExplanation ToExplanation(Digest id) =>
            new()
            {
                Id = id,
                Image = _image,
                Provenance = _provenance,
                Picture = _picture ?? throw new FormatException($"The stored explanation {id} has no picture facts."),
                Top = _top,
                Logits = TopLogits.FromPacked(_logits),
                LogSumExp = _logSumExp,
                LabelLogit = _labelLogit,
                Maps = _maps,
                Embedding = _embedding,
            };
    }
}
