using AgCam.Pipeline.Messages;

namespace AgCam.Worker.Engines;

/// <summary>Loaded models, most recently used ones kept. One that is in use is never unloaded, so there may be more than the limit for a while.</summary>
internal sealed class EnginePool(IEngineLoader loader, int limit) : IDisposable
{
    private readonly SemaphoreSlim _loading = new(1, 1);
    private readonly Lock _lock = new();
    private readonly Dictionary<(ModelPin, string), Entry> _entries = [];
    private long _uses;

    /// <summary>The model, loaded if need be; dispose the use when done with it.</summary>
    /// <exception cref="Models.ModelException">It cannot be loaded.</exception>
    public async Task<EngineUse> UseAsync(ModelPin model, string dtype, CancellationToken cancel)
    {
        if (TryUse((model, dtype)) is { } loaded)
            return loaded;
        await _loading.WaitAsync(cancel);
        try
        {
            if (TryUse((model, dtype)) is { } meanwhile)
                return meanwhile;
            Evict(limit - 1); // before loading: two large models may not fit
            var engine = await loader.LoadAsync(model, dtype, cancel);
            lock (_lock)
                _entries.Add((model, dtype), new Entry(engine));
            return TryUse((model, dtype))!;
        }
        finally
        {
            _loading.Release();
        }
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

    private EngineUse? TryUse((ModelPin, string) key)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(key, out var entry))
                return null;
            entry.Users++;
            entry.LastUse = ++_uses;
            return new EngineUse(entry.Engine, () => Return(entry));
        }
    }

    private void Return(Entry entry)
    {
        lock (_lock)
            entry.Users--;
        Evict(limit);
    }

    private void Evict(int keep)
    {
        var gone = new List<IExplainEngine>();
        lock (_lock)
            foreach (var (key, entry) in _entries.Where(pair => pair.Value.Users == 0).OrderBy(pair => pair.Value.LastUse).Take(Math.Max(0, _entries.Count - keep)).ToList())
            {
                _entries.Remove(key);
                gone.Add(entry.Engine);
            }
        foreach (var engine in gone)
            engine.Dispose();
    }

    private sealed class Entry(IExplainEngine engine)
    {
        public IExplainEngine Engine => engine;

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
