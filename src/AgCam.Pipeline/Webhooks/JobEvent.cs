using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Webhooks;

/// <summary>The end of a job as a CloudEvent 1.0, signed by the Standard Webhooks rules: HMAC-SHA256 over id, time and body.</summary>
public static class JobEvent
{
    public const string Type = "agcam.job.completed",
        MediaType = "application/cloudevents+json";

    private static readonly JsonSerializerOptions WithoutNulls = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <param name="auditReport">Stored report of the job's audit; null without one.</param>
    /// <returns>The same bytes for the same job in every attempt.</returns>
    public static byte[] Body(Job job, byte[]? auditReport = null) =>
        JsonSerializer.SerializeToUtf8Bytes(
            new
            {
                specversion = "1.0",
                id = job.Id,
                source = "agcam",
                type = Type,
                time = job.Finished,
                datacontenttype = "application/json",
                data = new
                {
                    job = job.Id,
                    source = job.Spec.Source,
                    model = job.Spec.Model.Id,
                    tags = job.Spec.Tags,
                    state = job.State.ToString(),
                    images = job.Images,
                    completed = job.Progress.Completed,
                    failed = job.Progress.Failed,
                    correct = job.Progress.Correct,
                    labelled = job.Progress.Labelled,
                    created = job.Created,
                    finished = job.Finished,
                    audit = auditReport is null ? null : Audit(auditReport),
                },
            },
            WithoutNulls
        );

    /// <summary>Returns the gates of an audit with their results, and the count of each finding.</summary>
    private static object Audit(byte[] report)
    {
        using var json = JsonDocument.Parse(new GZipStream(new MemoryStream(report), CompressionMode.Decompress));
        var gates = json.RootElement.GetProperty("gates").Clone();
        return new
        {
            passed = gates.EnumerateArray().All(gate => !gate.GetProperty("violated").GetBoolean()),
            gates,
            counts = json
                .RootElement.GetProperty("findings")
                .EnumerateArray()
                .ToDictionary(finding => finding.GetProperty("name").GetString()!, finding => finding.GetProperty("count").GetInt64()),
        };
    }

    /// <param name="seconds">Unix time of this attempt.</param>
    /// <returns>Value of the header webhook-signature.</returns>
    public static string Signature(string secret, Guid id, long seconds, ReadOnlySpan<byte> body)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{seconds}."), .. body];
        return $"v1,{Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed))}";
    }
}
