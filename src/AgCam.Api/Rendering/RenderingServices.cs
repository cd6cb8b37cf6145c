using System.Collections.Concurrent;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Preprocessing;

namespace AgCam.Api.Rendering;

/// <summary>Services for drawing. One picture per core is drawn at a time, to limit memory.</summary>
internal sealed class RenderingServices(ApiOptions options, IStore store, Originals originals)
{
    private readonly ConcurrentDictionary<Digest, PreprocessingOptions> _preprocessing = new(); // one for each configuration: a handful
    private readonly SemaphoreSlim _slots = new(Environment.ProcessorCount);

    public ApiOptions Options { get; } = options;

    public IStore Store { get; } = store;

    public Originals Originals { get; } = originals;

    /// <summary>Returns the preprocessing of the provenance.</summary>
    public async Task<PreprocessingOptions> PreprocessingAsync(StoredExplanation explanation, CancellationToken cancellationToken)
    {
        if (_preprocessing.TryGetValue(explanation.Provenance, out var known))
            return known;
        var provenance =
            await Store.Provenances.FindAsync(explanation.Provenance, cancellationToken)
            ?? throw new InvalidOperationException(
                $"Explanation {explanation.Id} refers to the provenance {explanation.Provenance}, which is not in the store."
            );
        return _preprocessing[explanation.Provenance] =
            provenance.Preprocessing == Provenance.NoPreprocessing
                ? WholePicture(explanation.Maps[0])
                : PreprocessingOptions.Parse(provenance.Preprocessing);
    }

    /// <summary>Returns the rectangle of a stand-in engine: the whole picture.</summary>
    private static PreprocessingOptions WholePicture(TargetMap map) =>
        new()
        {
            InputWidth = 16 * map.Columns,
            InputHeight = 16 * map.Rows,
            CropMode = CropMode.Squash,
            Interpolation = Interpolation.Bilinear,
            Mean = [0, 0, 0],
            Std = [1, 1, 1],
        };

    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken);
        return new Slot(_slots);
    }

    private sealed record Slot(SemaphoreSlim Slots) : IDisposable
    {
        public void Dispose() => Slots.Release();
    }
}
