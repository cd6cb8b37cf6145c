using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// The pace of a model that has explained nothing yet, from a few images of a dry run's sample: a worker explains them through the
/// interactive lane, as it will for the job, which then finds their explanations. The first image goes into loading the model and is
/// not timed, nor is an image whose explanation is stored already. The requests are deleted again.
/// </summary>
public sealed class PaceSample(IStore store, IExplainBus bus, ExplainEvents events, PipelineOptions options)
{
    /// <summary>
    /// Images of one timed request after the other, while there is time: a slow machine is known by two, a fast one needs more.
    /// </summary>
    private static readonly int[] Sizes = [2, 4, 8, 16];

    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1); // times are stored in whole milliseconds
    private static readonly TimeSpan NowAndThen = TimeSpan.FromMilliseconds(500);

    /// <param name="images">Of the source, read a moment ago.</param>
    /// <param name="time">No longer than this.</param>
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
            return SampledPace.Unknown("No image of the sample can be read, so there was none to try the model with.");
        var first = await AskAsync(spec, [images[0]], clock, cancellationToken);
        if (first.Problem is { } problem)
            return SampledPace.Unknown(problem);
        if (images.Count == 1)
            return SampledPace.Unknown("One image tells no pace, since it goes into loading the model.");
        var fresh = await FreshAsync(spec, classes, first.Item!, [.. images.Skip(1)], cancellationToken);
        if (fresh.Count == 0)
            return SampledPace.Unknown(
                "The images of the sample are explained already. A job finds them and computes nothing, so they tell no pace."
            );

        var (best, timed) = (0.0, 0);
        foreach (var size in Sizes)
        {
            if (fresh.Skip(timed).Take(size).ToList() is not { Count: > 0 } some)
                break;
            var answer = await AskAsync(spec, some, clock, cancellationToken);
            if (answer.Problem is { } stuck)
                return timed > 0 ? new SampledPace(best, timed, null) : SampledPace.Unknown(stuck);
            timed += some.Count;
            // The fastest: another worker may have had to load the model for one of them.
            best = Math.Max(best, answer.Completed / answer.Took.TotalSeconds);
            if (clock.Left < answer.Took * 3)
                break;
        }
        return new SampledPace(best, timed, null);
    }

    /// <summary>
    /// The images whose explanations are not stored: what is found costs nothing and would make the model look fast. What decides an
    /// identity besides the image, the first explanation's provenance tells.
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
            || await store.Provenances.FindAsync(explanation.Provenance, cancellationToken) is not { } of
        )
            return images;
        var recipe = new ExplanationRecipe(of.ModelSha256, of.ModelShape, of.Preprocessing, of.Method, of.Dtype);
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

    private async Task<Answer> AskAsync(
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
            References = [.. images.Select((image, i) => image.Reference with { Number = i })],
        };
        var heard = new SemaphoreSlim(0); // not disposed: an event that is being delivered may still release it
        using var listening = events.Subscribe(message =>
        {
            if (message.Owner == request.Owner)
                heard.Release();
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
                            ? $"A worker has begun with the sample, but was not done after {clock.Seconds} s: it loads the model, or "
                                + $"is slow. Ask again in a while."
                            : $"No worker has run {spec.Model.Id} yet, and none has taken an image of the sample within "
                                + $"{clock.Seconds} s. Start one, or let the ones there are become free, and ask again."
                    );
                await heard.WaitAsync(clock.Left < NowAndThen ? clock.Left : NowAndThen, cancellationToken);
            }
        }
        catch (BusException broker)
        {
            return new Answer(Problem: $"The sample could not be given to a worker. {broker.Message}");
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
                    : "The worker's answer is gone."
            )
            : new Answer(completed[0], completed.Count, took > Least ? took : Least);
    }

    /// <param name="Item">The first completed one.</param>
    /// <param name="Took">From the lease to the end of the request's chunk.</param>
    private sealed record Answer(Item? Item = null, int Completed = 0, TimeSpan Took = default, string? Problem = null);

    private sealed class Countdown(TimeSpan time)
    {
        private readonly long _begun = TimeProvider.System.GetTimestamp();

        public double Seconds => time.TotalSeconds;

        public TimeSpan Left => time - TimeProvider.System.GetElapsedTime(_begun);
    }
}

/// <summary>An image of a dry run's sample that could be read.</summary>
internal sealed record SampledImage(ImageReference Reference, Digest Sha256);

/// <param name="PerSecond">Images that one worker explained for each second, with one request in hand; null when it could not be
/// measured.</param>
/// <param name="Images">How many tell it.</param>
/// <param name="Problem">Why there is none.</param>
internal sealed record SampledPace(double? PerSecond, int Images, string? Problem)
{
    public static SampledPace Unknown(string why) => new(null, 0, why);
}
