using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// What processes say to each other. Requests are never lost once a publish has returned; what is told is lost when nobody listens.
/// </summary>
public interface IExplainBus
{
    /// <summary>
    /// Gives a request to the lane it names. When it returns, a broker has it on disk in a queue. It may then have it twice: the key
    /// and the epoch tell.
    /// In memory it is with the consumer, and gone with the process: write it down first (<see cref="Stores.IChunks.AcceptAsync"/>).
    /// </summary>
    /// <exception cref="InvalidMessageException">The request breaks a rule; nothing was sent.</exception>
    /// <exception cref="BusException">It could not be confirmed: it may or may not have arrived. Publish it again.</exception>
    Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default);

    /// <exception cref="BusException">It could not be sent.</exception>
    Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default);

    /// <exception cref="BusException">It could not be sent.</exception>
    Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default);
}

/// <summary>The broker does not answer, or not in time, or refuses. Try again later.</summary>
public sealed class BusException(string message, Exception? inner = null) : Exception(message, inner);
