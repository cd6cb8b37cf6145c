using System.Reflection;
using AgCam.Pipeline.Stores;

namespace AgCam.Testing;

/// <summary>Part of a store with calls that a test intercepts.</summary>
/// <typeparam name="T">IStore, IChunks, ...</typeparam>
internal class Troubled<T> : DispatchProxy
    where T : class
{
    private T _inner = null!;
    private Func<string, object?[], Func<object?>, object?> _call = null!;

    /// <param name="call">Receives the method's name, its arguments and the inner call. Returns the answer.</param>
    public static T Of(T inner, Func<string, object?[], Func<object?>, object?> call)
    {
        var proxy = Create<T, Troubled<T>>();
        (((Troubled<T>)(object)proxy)._inner, ((Troubled<T>)(object)proxy)._call) = (inner, call);
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        _call(targetMethod!.Name, args ?? [], () => targetMethod.Invoke(_inner, BindingFlags.DoNotWrapExceptions, null, args, null));
}

internal static class TroubledStore
{
    /// <param name="call">As in <see cref="Troubled{T}.Of"/>, for the calls of <see cref="IChunks"/>.</param>
    public static IStore Chunks(IStore store, Func<string, object?[], Func<object?>, object?> call)
    {
        var chunks = Troubled<IChunks>.Of(store.Chunks, call);
        return Troubled<IStore>.Of(store, (name, _, inner) => name == "get_Chunks" ? chunks : inner());
    }
}
