using System.Collections.Concurrent;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Preprocessing;

namespace AgCam.Api.Rendering;

/// <summary>What drawing needs at hand. As many pictures are drawn at a time as there are cores: more would only take memory.</summary>
internal sealed class Studio(ApiOptions options, IStore store, Originals originals)
{
    private readonly ConcurrentDictionary<Digest, PreprocessingOptions> _preprocessing = new(); // one for each configuration: a handful
    private readonly SemaphoreSlim _turns = new(Environment.ProcessorCount);

    public ApiOptions Options { get; } = options;

    public IStore Store { get; } = store;

    public Originals Originals { get; } = originals;

    /// <summary>How the picture became the model's input, as the provenance tells it.</summary>
    public async Task<PreprocessingOptions> PreprocessingAsync(StoredExplanation explanation, CancellationToken cancel)
    {
        if (_preprocessing.TryGetValue(explanation.Provenance, out var known))
            return known;
        var provenance = await Store.Provenances.FindAsync(explanation.Provenance, cancel)
            ?? throw new InvalidOperationException($"Explanation {explanation.Id} refers to the provenance {explanation.Provenance}, which is not in the store.");
        return _preprocessing[explanation.Provenance] = PreprocessingOptions.Parse(provenance.Preprocessing);
    }

    public async Task<IDisposable> TakeTurnAsync(CancellationToken cancel)
    {
        await _turns.WaitAsync(cancel);
        return new Turn(_turns);
    }

    private sealed record Turn(SemaphoreSlim Turns) : IDisposable
    {
        public void Dispose() => Turns.Release();
    }
}
