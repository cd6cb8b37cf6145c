using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Chunks;

/// <summary>Publishes that a chunk is saved, and that its job is completed.</summary>
internal sealed class ResultPublisher(
    IExplainBus bus,
    CompletionPublisher completionPublisher,
    WorkerOptions options,
    TimeProvider clock,
    ILogger<ResultPublisher> log
)
{
    /// <exception cref="RequeueException">The event could not be published.</exception>
    public async Task PublishAsync(ExplainImages request, SaveAnswer saved)
    {
        if (saved.Outcome is not (SaveOutcome.Saved or SaveOutcome.AlreadyDone))
            return;
        await PublishAsync(request, saved.Progress);
        if (saved.JobCompleted && request.JobId is { } job)
            await PublishCompletionAsync(job);
    }

    /// <param name="sum">Counts of the chunk, as stored.</param>
    /// <exception cref="RequeueException">
    /// The event could not be published. The next consumer of the message finds the chunk done and publishes it.
    /// </exception>
    public async Task PublishAsync(ExplainImages request, JobProgress sum)
    {
        try
        {
            await bus.PublishEventAsync(
                new ChunkExplained
                {
                    Key = request.Key,
                    JobId = request.JobId,
                    Owner = request.Owner,
                    Chunk = request.Chunk,
                    Completed = sum.Completed,
                    Failed = sum.Failed,
                    At = clock.Now(),
                }
            );
        }
        catch (Exception e)
        {
            log.LogWarning("Could not publish the result of chunk {Chunk} of {Owner}: {Reason}", request.Chunk, request.Owner, e.Message);
            throw new RequeueException(e.Message, e);
        }
    }

    private async Task PublishCompletionAsync(Guid job)
    {
        try
        {
            await completionPublisher.PublishAsync(job, options.Name);
        }
        catch (Exception e) // the sweeper publishes it later
        {
            log.LogWarning("Could not publish the completion of job {Job}: {Reason}", job, e.Message);
        }
    }
}
