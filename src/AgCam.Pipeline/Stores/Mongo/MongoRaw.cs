using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;
using MongoDB.Bson;
using MongoDB.Bson.IO;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Converts explanations and items to documents and back. There are millions of them, so they are written as raw bytes, without the
/// driver's object model.
/// </summary>
internal static class MongoRaw
{
    private const string Ok = "ok",
        Failed = "failed";

    public static RawBsonDocument From(StoredExplanation explanation, DateTimeOffset created) =>
        Raw(writer =>
        {
            Bson.WriteDigest(writer, "_id", explanation.Id);
            ExplanationDocument.WriteFields(writer, explanation);
            writer.WriteName("created");
            writer.WriteDateTime(created.ToUnixTimeMilliseconds());
        });

    public static StoredExplanation ToExplanation(RawBsonDocument document)
    {
        var fields = new ExplanationDocument.Fields();
        Digest id = default;
        Bson.Decode(
            Bytes(document),
            (reader, field) =>
            {
                if (field == "_id")
                    id = Bson.ReadDigest(reader);
                else
                    fields.Read(reader, field);
            }
        );
        return fields.ToExplanation(id);
    }

    /// <param name="read">Whether the image was read for this item. Only then the item makes its source known.</param>
    public static RawBsonDocument From(Item item, bool read = true) =>
        Raw(writer =>
        {
            writer.WriteName("_id");
            writer.WriteStartDocument();
            writer.WriteName("job");
            writer.WriteBinaryData(MongoKeys.Id(item.Job));
            writer.WriteName("n");
            writer.WriteInt32(item.Number);
            writer.WriteEndDocument();
            Bson.WriteText(writer, "status", Status(item.Status));
            Bson.WriteText(writer, "model", item.Model);
            Bson.WriteText(writer, "predicted", item.Predicted);
            Bson.WriteNumber(writer, "probability", item.Probability);
            if (item.Correct is { } correct)
            {
                writer.WriteName("correct");
                writer.WriteBoolean(correct);
            }
            Bson.WriteText(writer, "label", item.Label);
            Bson.WriteText(writer, "label_class", item.LabelClass);
            Bson.WriteNumber(writer, "label_probability", item.LabelProbability);
            if (item.Explanation is { } explanation)
                Bson.WriteDigest(writer, "explanation", explanation);
            writer.WriteName("time");
            writer.WriteDateTime(item.Time.ToUnixTimeMilliseconds());
            if (read && SourceStamp.Of(item) is { } source)
            {
                writer.WriteName("source");
                writer.WriteBytes(source.Key());
            }
            ItemDocument.WriteFields(writer, item);
        });

    public static Item ToItem(RawBsonDocument document)
    {
        var fields = new ItemDocument.Fields();
        Guid job = default;
        var number = 0;
        var status = ItemStatus.Completed;
        string model = "";
        string? predicted = null,
            label = null,
            labelClass = null;
        float? probability = null,
            labelProbability = null;
        bool? correct = null;
        Digest? explanation = null;
        DateTimeOffset time = default;
        Bson.Decode(
            Bytes(document),
            (reader, field) =>
            {
                switch (field)
                {
                    case "_id":
                        Bson.ReadFields(
                            reader,
                            (key, name) =>
                            {
                                if (name == "job")
                                    job = key.ReadBinaryData().ToGuid(GuidRepresentation.Standard);
                                else
                                    number = key.ReadInt32();
                            }
                        );
                        break;
                    case "status":
                        status = reader.ReadString() == Failed ? ItemStatus.Failed : ItemStatus.Completed;
                        break;
                    case "model":
                        model = reader.ReadString();
                        break;
                    case "predicted":
                        predicted = reader.ReadString();
                        break;
                    case "probability":
                        probability = (float)reader.ReadDouble();
                        break;
                    case "correct":
                        correct = reader.ReadBoolean();
                        break;
                    case "label":
                        label = reader.ReadString();
                        break;
                    case "label_class":
                        labelClass = reader.ReadString();
                        break;
                    case "label_probability":
                        labelProbability = (float)reader.ReadDouble();
                        break;
                    case "explanation":
                        explanation = Bson.ReadDigest(reader);
                        break;
                    case "time":
                        time = DateTimeOffset.FromUnixTimeMilliseconds(reader.ReadDateTime());
                        break;
                    default:
                        fields.Read(reader, field);
                        break;
                }
            }
        );
        return fields.ToItem(job, number, status, model, time) with
        {
            Predicted = predicted,
            Probability = probability,
            Correct = correct,
            Label = label,
            LabelClass = labelClass,
            LabelProbability = labelProbability,
            Explanation = explanation,
        };
    }

    public static string Status(ItemStatus status) => status == ItemStatus.Failed ? Failed : Ok;

    private static RawBsonDocument Raw(Action<IBsonWriter> write) => new(Bson.Encode(write, static (writer, fields) => fields(writer)));

    private static byte[] Bytes(RawBsonDocument document)
    {
        var slice = document.Slice;
        var bytes = new byte[slice.Length];
        slice.GetBytes(0, bytes, 0, bytes.Length);
        return bytes;
    }
}
