using AgCam.Attribution;
using AgCam.Evaluation;
using AgCam.Evaluation.Datasets;
using AgCam.Images;
using AgCam.Models;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Batching;
using AgCam.Worker.Chunks;
using AgCam.Worker.Engines;

namespace AgCam.Worker.Evaluations;

/// <summary>
/// Measures the rows of an evaluation's chunk: the same batches and evaluator as in one process, one batch after the other.
/// </summary>
internal sealed class ChunkEvaluation(
    IStore store,
    StoreRetry storeRetry,
    EnginePool engines,
    ReferenceReader references,
    ImageFetch fetch,
    Device device,
    TimeProvider clock
)
{
    private readonly DatasetReading _datasets = new(references.Files);

    /// <param name="starts">After a crash: number of starts of each image that did not return. Null without a crash.</param>
    /// <returns>Null when the lease was lost.</returns>
    /// <exception cref="RequestException">This worker cannot use the dataset or the model.</exception>
    public async Task<ChunkResult?> ComputeAsync(
        ExplainImages request,
        ChunkLease lease,
        IReadOnlyDictionary<int, int>? starts,
        CancellationToken cancellationToken
    )
    {
        var job = await storeRetry.CallAsync(cancellationToken => store.Jobs.FindAsync(lease.Owner, cancellationToken), cancellationToken);
        if (job?.Spec is not { Evaluation: { } evaluation } spec)
            throw new RequestException(WorkerFailure.NoSuchMethod, $"{lease.Owner} is not an evaluation.");
        var options = evaluation.Options(spec.Threshold);
        var samples = await Task.Run(() => Samples(spec, evaluation, request, cancellationToken), cancellationToken);
        using var use = await engines.ModelAsync(spec.Model, spec.Dtype, cancellationToken);
        if (use.Engine.Explainer is not { } explainer)
            throw new RequestException(
                WorkerFailure.NoSuchMethod,
                $"The engine of {spec.Model.Id} on this worker substitutes a model and cannot evaluate."
            );
        if (AttributionMethod.Refusal(options.Methods, explainer.Config) is { } refusal)
            throw new RequestException(ModelFailure.UnsupportedArchitecture, refusal);

        var (images, measuring) = (
            samples.Zip(request.References).Chunk(evaluation.Batch).ToList(),
            new Measuring(use.Engine, explainer, options)
        );
        if (
            (
                starts is null
                    ? await StraightAsync(measuring, images, cancellationToken)
                    : await CarefullyAsync(measuring, lease, images, starts, cancellationToken)
            )
            is not { } measured
        )
            return null;
        var rows = measured.ToDictionary(row => row.Image, StringComparer.Ordinal);
        var header = RowFile.Line(EvaluationHeader.Of(explainer, options, evaluation.Batch, Shard.Whole));
        return Result(request, lease, header, samples.Select(sample => rows[sample.Key]), explainer.Classes);
    }

    /// <summary>Returns a result in which every image failed for the same reason.</summary>
    public ChunkResult Failed(ExplainImages request, ChunkLease lease, string reason, string detail) =>
        Result(
            request,
            lease,
            null,
            request.References.Select(reference => new ImageRow(SampleReference.Key(reference) ?? reference.Uri) { Skipped = reason }),
            null,
            detail
        );

    /// <exception cref="RequestException">The dataset cannot be read here, or differs from the one that was planned.</exception>
    private IReadOnlyList<Sample> Samples(
        JobSpec spec,
        EvaluationSpec evaluation,
        ExplainImages request,
        CancellationToken cancellationToken
    )
    {
        try
        {
            var path = references.Roots.Resolve(spec.Source[EvaluationSpec.Source.Length..]);
            var images = evaluation.Images is { } folder ? references.Roots.Resolve(folder) : null;
            return _datasets.Find(
                    path,
                    evaluation.Layout,
                    images,
                    request.References[0].Number,
                    request.References.Count,
                    ArePlanned,
                    cancellationToken
                )
                ?? throw new RequestException(
                    WorkerFailure.AnotherDataset,
                    $"{path} differs from the dataset that the job was planned with. Restore it and resume the job, "
                        + $"or submit a new job."
                );
        }
        catch (ImageException e)
        {
            throw new RequestException(e.Reason, $"The dataset cannot be read here: {e.Message}", e);
        }
        catch (Exception e) when (e is DatasetException or IOException or UnauthorizedAccessException or FormatException)
        {
            throw new RequestException(ImageFailure.Unreadable, $"The dataset cannot be read here: {e.Message}", e);
        }

        bool ArePlanned(IReadOnlyList<Sample> samples) =>
            samples.Zip(request.References).All(pair => pair.First.Key == SampleReference.Key(pair.Second));
    }

    /// <summary>Reads the next batch while one is measured.</summary>
    private async Task<IReadOnlyList<ImageRow>> StraightAsync(
        Measuring measuring,
        IReadOnlyList<(Sample Sample, ImageReference)[]> batches,
        CancellationToken cancellationToken
    )
    {
        var rows = new List<ImageRow>();
        var reading = ReadAsync(measuring, batches[0].Select(image => image.Sample), cancellationToken);
        try
        {
            for (var i = 1; i <= batches.Count; i++)
            {
                var images = await reading;
                if (i < batches.Count)
                    reading = ReadAsync(measuring, batches[i].Select(image => image.Sample), cancellationToken);
                rows.AddRange(await MeasureAsync(measuring, images, cancellationToken));
            }
        }
        finally
        {
            await reading.ContinueWith(_ => { }, TaskScheduler.Default); // it uses the model, which may be unloaded after this
        }
        return rows;
    }

    private Task<EvaluationImage[]> ReadAsync(Measuring measuring, IEnumerable<Sample> samples, CancellationToken cancellationToken) =>
        Task.WhenAll(samples.Select(sample => fetch.DecodeAsync(() => Task.FromResult(Read(measuring, sample)), cancellationToken)));

    private EvaluationImage Read(Measuring measuring, Sample sample) =>
        EvaluationImage.Read(sample, measuring.Explainer, measuring.Options, references.Limits, references.Files);

    private async Task<IReadOnlyList<ImageRow>> MeasureAsync(
        Measuring measuring,
        IReadOnlyList<EvaluationImage> images,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await device.ExclusiveAsync(() => measuring.Engine.Measure(images, measuring.Options), images.Count, cancellationToken);
        }
        catch (ModelException e)
        {
            throw new RequestException(e.Reason, e.Message, e); // a method is not for the model's head
        }
    }

    /// <summary>
    /// Measures the batches of a crashed chunk, each after stored notes for its images. A batch that crashed two workers is measured
    /// image by image; an image that still does not return is poison. Noted images come last, as in
    /// <see cref="ChunkComputation.ComputeIsolatedAsync"/>.
    /// </summary>
    /// <returns>Null when the lease was lost.</returns>
    private async Task<IReadOnlyList<ImageRow>?> CarefullyAsync(
        Measuring measuring,
        ChunkLease lease,
        IReadOnlyList<(Sample Sample, ImageReference Reference)[]> batches,
        IReadOnlyDictionary<int, int> starts,
        CancellationToken cancellationToken
    )
    {
        var rows = new List<ImageRow>();
        foreach (var batch in batches.OrderBy(batch => batch.Max(image => starts.GetValueOrDefault(image.Reference.Number))))
        {
            var together = batch.All(image => starts.GetValueOrDefault(image.Reference.Number) < Together);
            foreach (var part in together ? [batch] : batch.Chunk(1))
            {
                var measured = part.Where(image => starts.GetValueOrDefault(image.Reference.Number) <= Together).ToList();
                rows.AddRange(part.Except(measured).Select(image => new ImageRow(image.Sample.Key) { Skipped = ItemFailure.Poison }));
                foreach (var (_, reference) in measured)
                    if (
                        await storeRetry.CallAsync(
                            cancellationToken => store.Chunks.BeginIsolatedAsync(lease, reference.Number, cancellationToken),
                            cancellationToken
                        ) < 0
                    )
                        return null;
                rows.AddRange(
                    await MeasureAsync(
                        measuring,
                        await ReadAsync(measuring, measured.Select(image => image.Sample), cancellationToken),
                        cancellationToken
                    )
                );
                foreach (var (_, reference) in measured)
                    await storeRetry.CallAsync(
                        async cancellationToken =>
                        {
                            await store.Chunks.EndIsolatedAsync(lease, reference.Number, cancellationToken);
                            return true;
                        },
                        cancellationToken
                    );
            }
        }
        return rows;
    }

    /// <summary>Number of attempts at a batch as a whole.</summary>
    private const int Together = 2;

    private ChunkResult Result(
        ExplainImages request,
        ChunkLease lease,
        string? header,
        IEnumerable<ImageRow> rows,
        ClassNames? classes,
        string? detail = null
    )
    {
        var (now, measured) = (clock.Now(), rows.ToList());
        return new ChunkResult(
            lease,
            [],
            [.. measured.Zip(request.References, (row, reference) => StoredForm.Measured(request, reference, row, classes, detail, now))]
        )
        {
            Rows = ChunkRows.Of(lease.Number, header, measured.Select(RowFile.Line)),
        };
    }

    private sealed record Measuring(IExplainEngine Engine, Explainer Explainer, EvaluationOptions Options);
}
