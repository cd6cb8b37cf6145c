using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Bus;

/// <summary>Handles requests. A process that registers it with a <see cref="LaneConcurrency"/> receives from both lanes.</summary>
public interface IExplainHandler
{
    /// <summary>
    /// Handles a request. It returns when the message can be acknowledged: the result is stored, another worker has the chunk, or the
    /// chunk is gone.
    /// </summary>
    /// <param name="message">A valid request.</param>
    /// <param name="redelivered">Whether the broker delivered the message before, to a consumer that is gone.</param>
    /// <exception cref="RequeueException">The message is requeued for another worker.</exception>
    Task HandleAsync(ExplainImages message, bool redelivered, CancellationToken cancellationToken);
}

/// <summary>Requeues the message. The attempt does not count against the request.</summary>
public sealed class RequeueException(string reason, Exception? inner = null) : Exception(reason, inner);

/// <summary>Maximum number of requests of each lane that a process handles at the same time.</summary>
public sealed record LaneConcurrency(int Bulk, int Interactive)
{
    internal int Of(Lane lane) => lane == Lane.Interactive ? Interactive : Bulk;
}
