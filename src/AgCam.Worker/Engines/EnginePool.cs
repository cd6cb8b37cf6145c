using AgCam.Models;
using AgCam.Pipeline.Messages;

namespace AgCam.Worker.Engines;

/// <summary>
/// Keeps loaded models within a memory budget and unloads the least recently used first. A model in use is never unloaded: the model
/// that needs room waits, and later callers wait behind it, so that a busy model cannot starve another.
/// </summary>
/// <param name="budget">Maximum bytes of loaded weights.</param>
internal sealed class EnginePool(IEngineLoader loader, long budget) : IDisposable
{
    private readonly SemaphoreSlim _loading = new(1, 1);
    private readonly Lock _lock = new();
    private readonly Dictionary<(ModelPin, string), Entry> _entries = [];
    private TaskCompletionSource? _returned; // not null while a model waits for room
    private long _uses;

    /// <summary>Bytes of loaded weights.</summary>
    public long Used
    {
        get
        {
            lock (_lock)
                return _entries.Values.Sum(entry => entry.Bytes);
        }
    }

    /// <summary>Returns the model, and loads it if necessary. Dispose the use to release it.</summary>
    /// <exception cref="ModelException">The model cannot be loaded, or is larger than the whole budget.</exception>
    public async Task<EngineUse> UseAsync(ModelPin model, string dtype, CancellationToken cancellationToken)
    {
        if (TryUse((model, dtype), overtake: false) is { } loaded)
            return loaded;
        await _loading.WaitAsync(cancellationToken);
        try
        {
            if (TryUse((model, dtype), overtake: true) is { } meanwhile)
                return meanwhile;
            var bytes = await loader.BytesAsync(model, dtype, cancellationToken);
            if (bytes > budget)
                throw new ModelException(
                    WorkerFailure.ModelTooLarge,
                    $"The weights of {model.Id} as {dtype} take {bytes >> 20} MiB; this worker may hold {budget >> 20} MiB. "
                        + $"Raise Worker:ModelMemoryMegabytes, or use a smaller dtype."
                );
            await MakeRoomAsync(bytes, cancellationToken); // before loading: two large models may not fit
            return await LoadAsync(model, dtype, bytes, cancellationToken);
        }
        finally
        {
            _loading.Release();
        }
    }

    /// <summary>Loads the models in the given order, as far as they fit into the budget together.</summary>
    /// <returns>Number of loaded models.</returns>
    public async Task<int> WarmUpAsync(IReadOnlyList<ModelPin> models, string dtype, CancellationToken cancellationToken)
    {
        for (var i = 0; i < models.Count; i++)
        {
            if (i > 0 && Used + await loader.BytesAsync(models[i], dtype, cancellationToken) > budget)
                return i;
            using (await UseAsync(models[i], dtype, cancellationToken)) { }
        }
        return models.Count;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var entry in _entries.Values)
                entry.Engine.Dispose();
            _entries.Clear();
        }
        _loading.Dispose();
    }

    private async Task<EngineUse> LoadAsync(ModelPin model, string dtype, long bytes, CancellationToken cancellationToken)
    {
        var engine = await loader.LoadAsync(model, dtype, cancellationToken);
        lock (_lock)
            _entries.Add((model, dtype), new Entry(engine, bytes));
        return TryUse((model, dtype), overtake: true)!;
    }

    private async Task MakeRoomAsync(long bytes, CancellationToken cancellationToken)
    {
        try
        {
            while (EvictForAsync(bytes) is { } returned)
                await returned.WaitAsync(cancellationToken);
        }
        finally
        {
            lock (_lock)
                _returned = null;
        }
    }

    /// <returns>Null when there is room; otherwise a task that ends when a model in use is released.</returns>
    private Task? EvictForAsync(long bytes)
    {
        var gone = new List<IExplainEngine>();
        Task? returned = null;
        lock (_lock)
        {
            var used = _entries.Values.Sum(entry => entry.Bytes);
            foreach (var (key, entry) in _entries.Where(pair => pair.Value.Users == 0).OrderBy(pair => pair.Value.LastUse).ToList())
            {
                if (used + bytes <= budget)
                    break;
                _entries.Remove(key);
                used -= entry.Bytes;
                gone.Add(entry.Engine);
            }
            if (used + bytes > budget)
                returned = (_returned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
        foreach (var engine in gone)
            engine.Dispose();
        return returned;
    }

    private EngineUse? TryUse((ModelPin, string) key, bool overtake)
    {
        lock (_lock)
        {
            if (!overtake && _returned is not null || !_entries.TryGetValue(key, out var entry))
                return null;
            entry.Users++;
            entry.LastUse = ++_uses;
            return new EngineUse(entry.Engine, () => Return(entry));
        }
    }

    private void Return(Entry entry)
    {
        lock (_lock)
            if (--entry.Users == 0)
                _returned?.TrySetResult();
    }

    private sealed class Entry(IExplainEngine engine, long bytes)
    {
        public IExplainEngine Engine => engine;

        public long Bytes => bytes;

        public int Users { get; set; }

        public long LastUse { get; set; }
    }
}

internal sealed class EngineUse(IExplainEngine engine, Action done) : IDisposable
{
    private Action? _done = done;

    public IExplainEngine Engine => engine;

    public void Dispose() => Interlocked.Exchange(ref _done, null)?.Invoke();
}
