using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Bus;

/// <summary>Publishes requests and events. A published request is never lost; an event without a subscriber is.</summary>
public interface IExplainBus
{
    /// <summary>
    /// Publishes a request to the lane that it names. A broker then has it on disk, perhaps twice: key and publish count identify copies.
    /// The in-memory bus loses it with the process, so store it first (<see cref="Stores.IChunks.AcceptAsync"/>).
    /// </summary>
    /// <exception cref="InvalidMessageException">The request breaks a rule; nothing was published.</exception>
    /// <exception cref="BusException">The broker did not confirm. The request may have arrived; publish it again.</exception>
    Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default);

    /// <exception cref="BusException">The event could not be published.</exception>
    Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default);

    /// <exception cref="BusException">The event could not be published.</exception>
    Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default);
}

/// <summary>The broker does not answer in time, or refuses. Try again later.</summary>
public sealed class BusException(string message, Exception? inner = null) : Exception(message, inner);
