using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Measures the pace of a model that has explained nothing yet, on a few images of a dry run's sample. A worker explains them through the
/// interactive lane, and the job later finds the explanations. The first image loads the model and is not timed; stored explanations are
/// skipped. The requests are deleted afterwards.
/// </summary>
public sealed class PaceSample(IStore store, IExplainBus bus, ExplainEvents events, PipelineOptions options)
{
    /// <summary>
    /// Sizes of the timed requests, sent while time remains. Two images are enough on a slow machine; a fast one needs more.
    /// </summary>
    private static readonly int[] RequestSizes = [2, 4, 8, 16];

    private static readonly TimeSpan Minimum = TimeSpan.FromMilliseconds(1); // resolution of stored times
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Measures the pace on a sample.</summary>
    /// <param name="images">Readable images of the source.</param>
    /// <param name="time">Maximum duration.</param>
    internal async Task<SampledPace> MeasureAsync(
        JobSpec spec,
        ClassNames classes,
        IReadOnlyList<SampledImage> images,
        TimeSpan time,
        CancellationToken cancellationToken
    )
    {
        var clock = new Countdown(time);
        if (images.Count == 0)
            return SampledPace.Unknown("No image of the sample can be read, so the model could not be timed.");
        var first = await ExplainAsync(spec, [images[0]], clock, cancellationToken);
        if (first.Problem is { } problem)
            return SampledPace.Unknown(problem);
        if (images.Count == 1)
            return SampledPace.Unknown("One image gives no pace, because it loads the model.");
        var fresh = await FreshAsync(spec, classes, first.Item!, [.. images.Skip(1)], cancellationToken);
        if (fresh.Count == 0)
            return SampledPace.Unknown(
                "The images of the sample are explained already. A job finds them and computes nothing, so they give no pace."
            );

        var (best, timed) = (0.0, 0);
        foreach (var size in RequestSizes)
        {
            if (fresh.Skip(timed).Take(size).ToList() is not { Count: > 0 } batch)
                break;
            var answer = await ExplainAsync(spec, batch, clock, cancellationToken);
            if (answer.Problem is { } failure)
                return timed > 0 ? new SampledPace(best, timed, null) : SampledPace.Unknown(failure);
            timed += batch.Count;
            // The fastest counts: another worker may have loaded the model during a request.
            best = Math.Max(best, answer.Completed / answer.Took.TotalSeconds);
            if (clock.Left < answer.Took * 3)
                break;
        }
        return new SampledPace(best, timed, null);
    }

    /// <summary>
    /// Returns the images whose explanations are not stored: found ones cost nothing and would raise the pace. The first explanation's
    /// provenance gives the rest of an explanation's identity.
    /// </summary>
    private async Task<IReadOnlyList<SampledImage>> FreshAsync(
        JobSpec spec,
        ClassNames classes,
        Item first,
        IReadOnlyList<SampledImage> images,
        CancellationToken cancellationToken
    )
    {
        if (
            await store.Explanations.FindAsync(first.Explanation!.Value, cancellationToken) is not { } explanation
            || await store.Provenances.FindAsync(explanation.Provenance, cancellationToken) is not { } provenance
        )
            return images;
        var recipe = new ExplanationRecipe(
            provenance.ModelSha256,
            provenance.ModelShape,
            provenance.Preprocessing,
            provenance.Method,
            provenance.Dtype,
            spec.Embedding
        );
        var targets = spec.Targets.Select(target => Target.Parse(target, classes)).ToList();
        var ids = images
            .Select(image =>
            {
                int? label = image.Reference.Label is { } text && classes.Find(text) is >= 0 and var known ? known : null;
                return ExplanationId.Compute(image.Sha256, recipe, [.. targets.Select(target => target.Canonical(label))]);
            })
            .ToList();
        var stored = await store.Explanations.PinAsync([.. ids.Distinct()], cancellationToken);
        return [.. images.Zip(ids).Where(pair => !stored.Contains(pair.Second)).DistinctBy(pair => pair.Second).Select(pair => pair.First)];
    }

    private async Task<Answer> ExplainAsync(
        JobSpec spec,
        IReadOnlyList<SampledImage> images,
        Countdown clock,
        CancellationToken cancellationToken
    )
    {
        var request = new ExplainImages
        {
            Key = $"dry-run/{Guid.CreateVersion7()}",
            Lane = Lane.Interactive,
            Model = spec.Model,
            Method = spec.Method,
            Targets = spec.Targets,
            Threshold = spec.Threshold,
            Dtype = spec.Dtype,
            Embedding = spec.Embedding,
            References = [.. images.Select((image, i) => image.Reference with { Number = i })],
        };
        var explained = new SemaphoreSlim(0); // not disposed: an event in delivery may still release it
        using var subscription = events.Subscribe(message =>
        {
            if (message.Owner == request.Owner)
                explained.Release();
        });
        await store.Chunks.AcceptAsync(request, options.VisibilityTimeout, cancellationToken: cancellationToken);
        try
        {
            await bus.PublishAsync(request, cancellationToken);
            while (true)
            {
                var chunk = await store.Chunks.FindAsync(request.Owner, 0, cancellationToken);
                if (chunk is { State: ChunkState.Done, Leased: { } leased, Done: { } done })
                    return await AnswerAsync(request, done - leased, cancellationToken);
                if (clock.Left <= TimeSpan.Zero)
                    return new Answer(
                        Problem: chunk is { State: ChunkState.Leased }
                            ? $"A worker started the sample but did not finish within {clock.Seconds} s: it loads the model, or is "
                                + $"slow. Try again later."
                            : $"No worker has run {spec.Model.Id} yet, and none has leased the sample within "
                                + $"{clock.Seconds} s. Start a worker, or wait until one is idle, and try again."
                    );
                await explained.WaitAsync(clock.Left < PollInterval ? clock.Left : PollInterval, cancellationToken);
            }
        }
        catch (BusException e)
        {
            return new Answer(Problem: $"The sample could not be published. {e.Message}");
        }
        finally
        {
            await store.Jobs.DeleteAsync(request.Owner, CancellationToken.None);
        }
    }

    private async Task<Answer> AnswerAsync(ExplainImages request, TimeSpan took, CancellationToken cancellationToken)
    {
        var items = (await store.Items.PageAsync(new ItemQuery { Job = request.Owner }, cancellationToken)).Items;
        var completed = items.Where(item => item.Status == ItemStatus.Completed).ToList();
        return completed.Count == 0
            ? new Answer(
                Problem: items is [var failed, ..]
                    ? $"A worker could not explain {failed.Uri}: {failed.Detail} ({failed.Reason})"
                    : "The worker's result was deleted. Try again."
            )
            : new Answer(completed[0], completed.Count, took > Minimum ? took : Minimum);
    }

    /// <param name="Item">First completed item.</param>
    /// <param name="Took">Duration from the lease to the end of the request's chunk.</param>
    private sealed record Answer(Item? Item = null, int Completed = 0, TimeSpan Took = default, string? Problem = null);

    private sealed class Countdown(TimeSpan time)
    {
        private readonly long _startedAt = TimeProvider.System.GetTimestamp();

        public double Seconds => time.TotalSeconds;

        public TimeSpan Left => time - TimeProvider.System.GetElapsedTime(_startedAt);
    }
}

/// <summary>Image of a dry run's sample that could be read.</summary>
internal sealed record SampledImage(ImageReference Reference, Digest Sha256);

/// <summary>Result of <see cref="PaceSample"/>.</summary>
/// <param name="PerSecond">Images per second of one worker with one request at a time. Null when it could not be measured.</param>
/// <param name="Images">Number of images measured.</param>
/// <param name="Problem">Reason why there is no pace; null with one.</param>
internal sealed record SampledPace(double? PerSecond, int Images, string? Problem)
{
    public static SampledPace Unknown(string why) => new(null, 0, why);
}
