using AgCam.Attribution;
using AgCam.Audit.Interventions;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Batching;
using AgCam.Worker.Chunks;
using AgCam.Worker.Engines;

namespace AgCam.Worker.Interventions;

/// <summary>Reads the images of a candidate and measures it on the model, on this worker's device.</summary>
public sealed class InterventionRunner
{
    private readonly EnginePool _engines;
    private readonly ImageFetch _fetch;
    private readonly Device _device;

    internal InterventionRunner(EnginePool engines, ImageFetch fetch, Device device) =>
        (_engines, _fetch, _device) = (engines, fetch, device);

    /// <summary>Number of pairs that are read and measured at a time.</summary>
    private const int Step = 16;

    /// <param name="progress">Called with the number of pairs after each step.</param>
    /// <exception cref="Models.ModelException">The model cannot be loaded, or the method does not fit it.</exception>
    public async Task<InterventionResult> RunAsync(
        InterventionRequest request,
        Action<int>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        using var use = await _engines.UseAsync(request.Model, request.Dtype, cancellationToken);
        var engine = use.Engine;
        var intervention = new Intervention(engine, request.Candidate, request.Method, request.Seed);
        var (ofClass, others) = (
            new Readable(this, engine, request.OfClass, cancellationToken),
            new Readable(this, engine, request.Others, cancellationToken)
        );
        var (sums, examples, measured) = (new InterventionSums(), new List<InterventionExample>(), 0);
        while (measured < request.Pairs)
        {
            var wanted = Math.Min(Step, request.Pairs - measured);
            var pairs = (await ofClass.TakeAsync(wanted)).Zip(await others.TakeAsync(wanted)).ToList();
            if (pairs.Count == 0)
                break;
            var (part, shown) = await _device.ExclusiveAsync(
                () =>
                    ComputeDevice.WithAllThreads(() =>
                        intervention.Measure(pairs, Math.Max(0, request.Examples - examples.Count), cancellationToken)
                    ),
                pairs.Count,
                cancellationToken
            );
            sums += part;
            examples.AddRange(shown);
            measured += pairs.Count;
            progress?.Invoke(measured);
        }
        return new InterventionResult(sums, examples, ofClass.Failure ?? others.Failure);
    }

    /// <summary>Reads references in their order. Those that cannot be read are left out.</summary>
    private sealed class Readable(
        InterventionRunner runner,
        IExplainEngine engine,
        IReadOnlyList<ImageReference> references,
        CancellationToken cancellationToken
    )
    {
        private int _next;

        /// <summary>Reason why the first unreadable image could not be read; null without one.</summary>
        public string? Failure { get; private set; }

        public async Task<IReadOnlyList<EngineInput>> TakeAsync(int count)
        {
            var taken = new List<EngineInput>();
            while (taken.Count < count && _next < references.Count)
            {
                var part = references.Skip(_next).Take(count - taken.Count).ToList();
                _next += part.Count;
                taken.AddRange((await Task.WhenAll(part.Select(ReadAsync))).OfType<EngineInput>());
            }
            return taken;
        }

        private Task<EngineInput?> ReadAsync(ImageReference reference) =>
            runner._fetch.DecodeAsync(
                async () =>
                {
                    try
                    {
                        var (bytes, _) = await runner._fetch.ReadAsync(reference, cancellationToken);
                        var digest = Digest.Of(bytes);
                        if (reference.KnownSha256 is { } known && known != digest)
                            throw new ImageException(ImageFailure.Unreadable, $"{reference.Uri} has changed since it was explained.");
                        return engine.Prepare(bytes, digest, runner._fetch.References.Limits);
                    }
                    catch (ImageException e)
                    {
                        Failure ??= e.Message;
                        return null;
                    }
                },
                cancellationToken
            );
    }
}

/// <summary>Intervention to run.</summary>
/// <param name="Pairs">Maximum number of pairs of images to measure.</param>
/// <param name="OfClass">Images of the class in the order of use. Those beyond <paramref name="Pairs"/> replace unreadable ones.</param>
/// <param name="Others">The same of other classes.</param>
public sealed record InterventionRequest(
    Candidate Candidate,
    int Pairs,
    IReadOnlyList<ImageReference> OfClass,
    IReadOnlyList<ImageReference> Others
)
{
    public required ModelPin Model { get; init; }

    public string Dtype { get; init; } = "float32";

    /// <summary>Attribution method that locates the mark of each image.</summary>
    public AttributionMethod Method { get; init; } = AttributionMethod.Default;

    public long Seed { get; init; }

    /// <summary>Number of pairs whose pictures are returned.</summary>
    public int Examples { get; init; }
}

/// <param name="Failure">Reason why an image could not be read; null when all could.</param>
public sealed record InterventionResult(InterventionSums Sums, IReadOnlyList<InterventionExample> Examples, string? Failure);
