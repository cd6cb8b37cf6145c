using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Bus;

/// <summary>Carries requests out. A process that registers one, and its <see cref="LaneConcurrency"/>, receives from both lanes.</summary>
public interface IExplainHandler
{
    /// <summary>
    /// Returns when the request needs no more: it is stored, or somebody else's, or nobody's any more. The message is then
    /// acknowledged.
    /// </summary>
    /// <param name="message">Valid.</param>
    /// <param name="redelivered">The broker gave it out before, and whoever had it is gone.</param>
    /// <exception cref="RequeueException">Another worker is to have it: it goes back to the queue.</exception>
    Task HandleAsync(ExplainImages message, bool redelivered, CancellationToken cancellationToken);
}

/// <summary>The request goes back to its queue, unharmed.</summary>
public sealed class RequeueException(string reason, Exception? inner = null) : Exception(reason, inner);

/// <summary>How many requests of each lane a process handles at the same time.</summary>
public sealed record LaneConcurrency(int Bulk, int Interactive)
{
    internal int Of(Lane lane) => lane == Lane.Interactive ? Interactive : Bulk;
}
