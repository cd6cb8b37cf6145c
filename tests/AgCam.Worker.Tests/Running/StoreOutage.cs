using System.Collections.Concurrent;
using System.Reflection;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;

namespace AgCam.Worker.Tests.Running;

/// <summary>Store whose calls for chunks fail while a test sets an outage. Records the leased messages.</summary>
internal sealed class StoreOutage
{
    private readonly ConcurrentQueue<ExplainImages> _asked = new();
    private int _refused;

    public volatile bool IsDown;

    /// <summary>Number of calls that failed.</summary>
    public int Refused => Volatile.Read(ref _refused);

    /// <summary>Messages for which a lease was requested.</summary>
    public IReadOnlyCollection<ExplainImages> Asked => _asked;

    /// <summary>Whether a message of the same chunk was delivered more than once.</summary>
    public bool SawRedelivery =>
        _asked
            .Distinct(ReferenceEqualityComparer.Instance)
            .Cast<ExplainImages>()
            .GroupBy(message => message.Chunk)
            .Any(chunk => chunk.Count() > 1);

    public IStore Of(IStore store)
    {
        var chunks = DispatchProxy.Create<IChunks, Calls>();
        (((Calls)(object)chunks).Target, ((Calls)(object)chunks).Outage) = (store.Chunks, this);
        var outside = DispatchProxy.Create<IStore, Calls>();
        (((Calls)(object)outside).Target, ((Calls)(object)outside).Chunks) = (store, chunks);
        return outside;
    }

    private object? Pass(IChunks chunks, MethodInfo method, object?[] arguments)
    {
        if (method.Name == nameof(IChunks.LeaseAsync))
            _asked.Enqueue((ExplainImages)arguments[0]!);
        if (!IsDown)
            return method.Invoke(chunks, arguments);
        Interlocked.Increment(ref _refused);
        throw new StoreUnavailableException("The store does not answer.", new TimeoutException());
    }

    public class Calls : DispatchProxy
    {
        internal object? Target { get; set; }

        internal IChunks? Chunks { get; set; }

        internal StoreOutage? Outage { get; set; }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            Outage is not null ? Outage.Pass((IChunks)Target!, targetMethod!, args!)
            : targetMethod!.Name == $"get_{nameof(IStore.Chunks)}" ? Chunks
            : targetMethod.Invoke(Target, args);
    }
}
