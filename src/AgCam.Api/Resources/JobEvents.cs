using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using AgCam.Api.Views;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AgCam.Api.Resources;

/// <summary>Sends a job as server-sent events until it has ended.</summary>
internal static class JobEvents
{
    /// <summary>Interval after which an unchanged job is sent again, so that proxies keep the connection.</summary>
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    public static async Task<Results<ServerSentEventsResult<JobView>, ProblemHttpResult>> SendAsync(
        Guid id,
        HttpContext http,
        IStore store,
        ResultWaiter waiting,
        CancellationToken cancellationToken
    )
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is null)
            return Jobs.Missing(id);
        http.Response.Headers["X-Accel-Buffering"] = "no"; // proxies would hold events back
        return TypedResults.ServerSentEvents(FollowAsync(id, waiting, cancellationToken));
    }

    private static async IAsyncEnumerable<SseItem<JobView>> FollowAsync(
        Guid id,
        ResultWaiter waiting,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        JobView? sent = null;
        var sentAt = TimeProvider.System.GetTimestamp();
        await foreach (var job in waiting.FollowAsync(id, cancellationToken))
        {
            if (
                sent is not null
                && job.State == sent.State
                && job.Images == sent.Images
                && job.Progress == sent.Progress
                && TimeProvider.System.GetElapsedTime(sentAt) <= KeepAlive
            )
                continue;
            sent = JobView.Of(job);
            sentAt = TimeProvider.System.GetTimestamp();
            yield return new SseItem<JobView>(sent, ResultWaiter.HasEnded(job) ? "ended" : "job")
            {
                EventId = $"{job.Progress.ChunksDone}",
            };
        }
    }
}
