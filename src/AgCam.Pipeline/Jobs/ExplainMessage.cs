using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Jobs;

internal static class ExplainMessage
{
    /// <summary>Returns the message that publishes a chunk.</summary>
    /// <param name="spec">Specification of the chunk's job; null for a request.</param>
    public static ExplainImages Of(Chunk chunk, JobSpec? spec) =>
        chunk.Request is { } request
            ? request with
            {
                PublishCount = chunk.PublishCount,
            }
            : new ExplainImages
            {
                Key = $"{chunk.Owner}/{chunk.Number}",
                JobId = chunk.Owner,
                Chunk = chunk.Number,
                PublishCount = chunk.PublishCount,
                Generation = chunk.Generation,
                Lane = spec!.Lane,
                Model = spec.Model,
                Method = spec.Method,
                Targets = spec.Targets,
                Threshold = spec.Threshold,
                Dtype = spec.Dtype,
                Embedding = spec.Embedding,
                References = chunk.References,
            };
}
