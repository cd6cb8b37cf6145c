using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Webhooks;

/// <summary>The end of a job as a CloudEvent 1.0, signed by the Standard Webhooks rules: HMAC-SHA256 over id, time and body.</summary>
public static class JobEvent
{
    public const string Type = "agcam.job.completed",
        MediaType = "application/cloudevents+json";

    /// <returns>The same bytes for the same job in every attempt.</returns>
    public static byte[] Body(Job job) =>
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
                },
            }
        );

    /// <param name="seconds">Unix time of this attempt.</param>
    /// <returns>Value of the header webhook-signature.</returns>
    public static string Signature(string secret, Guid id, long seconds, ReadOnlySpan<byte> body)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{seconds}."), .. body];
        return $"v1,{Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed))}";
    }
}
