using System.Collections.Concurrent;
using System.Collections.Frozen;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker.Batching;
using AgCam.Worker.Engines;

namespace AgCam.Worker.Chunks;

/// <summary>
/// Computes the result of a chunk: fetches its images, finds stored explanations and computes the others. Every image gets an item.
/// </summary>
internal sealed class ChunkComputation(
    IStore store,
    StoreRetry storeRetry,
    ImageFetch fetch,
    BatchQueue queue,
    WorkerOptions options,
    TimeProvider clock
)
{
    private readonly LaneLimiter _ahead = new(options.DecodedAhead);
    private readonly ConcurrentDictionary<Digest, Task<Digest>> _provenances = new();

    /// <summary>Computes all images of a chunk, in batches with images of other chunks.</summary>
    public async Task<ChunkResult> ComputeAsync(ExplainImages request, ChunkLease lease, Plan plan, CancellationToken cancellationToken)
    {
        var recalled = await RecallAsync(request, plan, cancellationToken);
        FetchedImage[] read;
        using (PipelineTelemetry.Activities.StartActivity("fetch"))
            read = await fetch.FetchAsync(
                [.. request.References.Where(reference => !recalled.Images.ContainsKey(reference.Number))],
                plan,
                cancellationToken,
                request.Lane
            );
        ThrowIfShared(request, read);
        var found = await FindAsync(read, cancellationToken);
        foreach (var explanation in recalled.Found)
            found[explanation.Id] = explanation;
        FetchedImage[] images = [.. recalled.Images.Values, .. read];
        var provenance = await ProvenanceAsync(plan, cancellationToken);
        var pending = new Dictionary<(Digest, int?), Task<Computed>>();
        foreach (var image in images.Where(image => image.Failure is null && !IsFound(found, image)))
            // A picture that occurs twice is computed once.
            pending.TryAdd((image.Id, image.Label), ComputeAsync(image, request, plan, provenance, cancellationToken));

        var (items, explanations) = (new List<Item>(images.Length), new Dictionary<Digest, StoredExplanation>());
        await Task.WhenAll(pending.Values);
        foreach (var image in images)
        {
            var computed = image.Failure is not null || IsFound(found, image) ? null : await pending[(image.Id, image.Label)];
            items.Add(ItemOf(request, image, plan, found, computed));
            if (computed?.Stored is { } stored)
                explanations.TryAdd(stored.Id, stored);
        }
        return new ChunkResult(lease, [.. explanations.Values], items) { Unread = recalled.Images.Keys.ToFrozenSet() };
    }

    /// <summary>
    /// Pauses a job instead of failing all of its images: the bucket is missing, the credentials are wrong, or all reads are denied.
    /// </summary>
    /// <exception cref="RequestException">The job's images fail for one common reason.</exception>
    private static void ThrowIfShared(ExplainImages request, IReadOnlyList<FetchedImage> read)
    {
        if (request.JobId is null)
            return; // a request cannot be paused and resumed
        if (
            read.FirstOrDefault(image => image.Failure?.Reason is ReferenceFailure.NoBucket or ReferenceFailure.Credentials) is
            { Failure: { } shared }
        )
            throw new RequestException(shared.Reason, shared.Message, shared);
        foreach (
            var bucket in read.Where(image => image.Reference.Kind == ReferenceKind.S3)
                .GroupBy(image => image.Reference.Uri.Split('/', 4)[2])
        )
            if (bucket.All(image => image.Failure?.Reason == ReferenceFailure.Denied))
                throw new RequestException(ReferenceFailure.Denied, bucket.First().Failure!.Message, bucket.First().Failure);
    }

    /// <summary>
    /// Returns the images that need not be read: an earlier record has their digest, their sources have not changed, and their
    /// explanations are stored. Only jobs have them, since a producer's claim of a digest cannot be trusted.
    /// </summary>
    private async Task<(Dictionary<int, FetchedImage> Images, IReadOnlyCollection<StoredExplanation> Found)> RecallAsync(
        ExplainImages request,
        Plan plan,
        CancellationToken cancellationToken
    )
    {
        if (request.JobId is null || !request.References.Any(reference => reference.KnownSha256 is not null))
            return ([], []);
        var recalled = await fetch.DecodeAsync(() => Task.FromResult(fetch.Recall(request.References, plan)), cancellationToken);
        var found = await FindAsync([.. recalled], cancellationToken);
        return (recalled.Where(image => IsFound(found, image)).ToDictionary(image => image.Reference.Number), found.Values);
    }

    /// <summary>
    /// Computes one image after the other, each after a stored note that identifies the image that crashes the process.
    /// Noted images come last: kills from outside then hit another image each time, and only a poison image gets two notes.
    /// </summary>
    /// <param name="starts">Number of starts of each image that did not return.</param>
    /// <returns>Null when the lease was lost.</returns>
    public async Task<ChunkResult?> ComputeIsolatedAsync(
        ExplainImages request,
        ChunkLease lease,
        IReadOnlyDictionary<int, int> starts,
        Plan plan,
        CancellationToken cancellationToken
    )
    {
        var provenance = await ProvenanceAsync(plan, cancellationToken);
        var (items, explanations) = (new List<Item>(), new Dictionary<Digest, StoredExplanation>());
        foreach (var reference in request.References.OrderBy(reference => starts.GetValueOrDefault(reference.Number)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var startsBefore = await storeRetry.CallAsync(
                cancellationToken => store.Chunks.BeginIsolatedAsync(lease, reference.Number, cancellationToken),
                cancellationToken
            );
            if (startsBefore < 0)
                return null;
            if (startsBefore >= 2)
            {
                items.Add(
                    StoredForm.Failed(
                        request,
                        reference,
                        null,
                        ItemFailure.Poison,
                        $"The image crashed its worker {startsBefore} times while nothing else ran.",
                        clock.Now()
                    )
                );
                continue; // the note stays, so that a later attempt does not compute the image again
            }
            var image = await fetch.DecodeAsync(
                () => fetch.FetchAsync(reference, plan, new ImageFetch.Kept(), cancellationToken),
                cancellationToken
            );
            var found = await FindAsync([image], cancellationToken);
            var computed =
                image.Failure is not null || IsFound(found, image)
                    ? null
                    : await ComputeAsync(image, request, plan, provenance, cancellationToken);
            items.Add(ItemOf(request, image, plan, found, computed));
            if (computed?.Stored is { } stored)
                explanations.TryAdd(stored.Id, stored);
            await storeRetry.CallAsync(
                async cancellationToken =>
                {
                    await store.Chunks.EndIsolatedAsync(lease, reference.Number, cancellationToken);
                    return true;
                },
                cancellationToken
            );
        }
        return new ChunkResult(lease, [.. explanations.Values], items);
    }

    /// <summary>Returns a result in which every image failed for the same reason.</summary>
    public ChunkResult Failed(ExplainImages request, ChunkLease lease, string reason, string detail) =>
        new(
            lease,
            [],
            [.. request.References.Select(reference => StoredForm.Failed(request, reference, null, reason, detail, clock.Now()))]
        );

    private async Task<Dictionary<Digest, StoredExplanation>> FindAsync(FetchedImage[] images, CancellationToken cancellationToken)
    {
        var ids = images.Where(image => image.Failure is null).Select(image => image.Id).Distinct().ToList();
        if (ids.Count == 0)
            return [];
        var held = await storeRetry.CallAsync(cancellationToken => store.Explanations.PinAsync(ids, cancellationToken), cancellationToken);
        if (held.Count == 0)
            return [];
        PipelineTelemetry.Found.Add(held.Count);
        return (
            await storeRetry.CallAsync(cancellationToken => store.Explanations.FindAsync([.. held], cancellationToken), cancellationToken)
        ).ToDictionary(explanation => explanation.Id);
    }

    private static bool IsFound(Dictionary<Digest, StoredExplanation> found, FetchedImage image) =>
        found.TryGetValue(image.Id, out var stored) && (image.Label is not { } label || StoredForm.LabelLogit(stored, label) is not null);

    private async Task<Computed> ComputeAsync(
        FetchedImage image,
        ExplainImages request,
        Plan plan,
        Digest provenance,
        CancellationToken cancellationToken
    )
    {
        try
        {
            var place = await _ahead.EnterAsync(request.Lane, cancellationToken);
            try
            {
                var input = await fetch.DecodeAsync(
                    async () => Prepare(plan, await BytesAsync(image, cancellationToken), image.Sha256!.Value),
                    cancellationToken,
                    request.Lane
                );
                var work = new ImageWork(plan, input, image.Label, request.Lane);
                queue.Add(work);
                var explanation = await ExplainedAsync(work, cancellationToken);
                var ofLabel = image.Label is not null && plan.Options.Targets.Any(target => target.NeedsLabel);
                var stored = StoredForm.Of(explanation, image.Id, input, provenance, ofLabel);
                float? labelLogit = image.Label is { } label ? StoredForm.LabelLogit(stored, label) ?? explanation.Logits[label] : null;
                return new Computed(stored, labelLogit, null);
            }
            finally
            {
                place.Dispose();
            }
        }
        catch (ImageException failure)
        {
            return new Computed(null, null, failure);
        }
        catch (Exception e) when (e is not OperationCanceledException and not StoreUnavailableException and not DeviceFullException)
        {
            return new Computed(null, null, new ImageException(WorkerFailure.NotExplained, e.Message, e));
        }
    }

    /// <exception cref="DeviceFullException">
    /// Not even one image fits. All prepared images have the same size, so the shortage is transient and the chunk is retried.
    /// </exception>
    private static async Task<Explanation> ExplainedAsync(ImageWork work, CancellationToken cancellationToken)
    {
        try
        {
            return await work.ResultAsync(cancellationToken);
        }
        catch (Exception e) when (ComputeDevice.IsOutOfMemory(e))
        {
            throw new DeviceFullException(e);
        }
    }

    private EngineInput Prepare(Plan plan, byte[] bytes, Digest sha256)
    {
        var startedAt = Stage.Begin();
        var input = plan.Engine.Prepare(bytes, sha256, fetch.References.Limits);
        Stage.End(Stage.Decode, startedAt);
        return input;
    }

    /// <exception cref="ImageException">The file changed between two reads.</exception>
    private async Task<byte[]> BytesAsync(FetchedImage image, CancellationToken cancellationToken)
    {
        if (image.Bytes is { } kept)
            return kept;
        var (bytes, _) = await fetch.ReadAsync(image.Reference, cancellationToken);
        return Digest.Of(bytes) == image.Sha256
            ? bytes
            : throw new ImageException(ImageFailure.Unreadable, $"{image.Reference.Uri} changed while it was read.");
    }

    private Item ItemOf(
        ExplainImages request,
        FetchedImage image,
        Plan plan,
        Dictionary<Digest, StoredExplanation> found,
        Computed? computed
    )
    {
        var now = clock.Now();
        if ((image.Failure ?? computed?.Failure) is { } failure)
            return StoredForm.Failed(request, image.Reference, image.Sha256, failure.Reason, failure.Message, now);
        if (computed?.Stored is { } stored)
            return StoredForm.Completed(request, image.Reference, stored, plan, image.Label, computed.LabelLogit, now);
        var hit = found[image.Id];
        return StoredForm.Completed(
            request,
            image.Reference,
            hit,
            plan,
            image.Label,
            image.Label is { } label ? StoredForm.LabelLogit(hit, label) : null,
            now
        );
    }

    private async Task<Digest> ProvenanceAsync(Plan plan, CancellationToken cancellationToken)
    {
        var provenance = plan.Engine.Provenance(plan.Options);
        var id = provenance.Id();
        try
        {
            return await _provenances
                .GetOrAdd(
                    id,
                    _ =>
                        storeRetry.CallAsync(
                            cancellationToken => store.Provenances.PutAsync(provenance, cancellationToken),
                            CancellationToken.None
                        )
                )
                .WaitAsync(cancellationToken);
        }
        catch when (_provenances.TryGetValue(id, out var failed) && (failed.IsFaulted || failed.IsCanceled))
        {
            _provenances.TryRemove(KeyValuePair.Create(id, failed)); // the next chunk tries again
            throw;
        }
    }

    private sealed class DeviceFullException(Exception inner)
        : Exception($"The device has no memory for a single image: {inner.Message}", inner);

    private sealed record Computed(StoredExplanation? Stored, float? LabelLogit, ImageException? Failure);
}
