using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Worker.Batching;

namespace AgCam.Worker.Chunks;

/// <summary>A fetched image: its failure, or its digest and the id of its explanation.</summary>
/// <param name="Reference">Reference with the stamp of the source when it was read.</param>
/// <param name="Bytes">Content; null when the chunk had too many bytes to keep, so it is read again.</param>
/// <param name="Label">Class of the label.</param>
internal sealed record FetchedImage(
    ImageReference Reference,
    ImageException? Failure,
    Digest? Sha256,
    Digest Id,
    byte[]? Bytes,
    int? Label
);

/// <summary>Reads images and computes the ids of their explanations.</summary>
internal sealed class ImageFetch(ReferenceReader references, StoreRetry storeRetry, int decoders, int fetches)
{
    /// <summary>Maximum bytes of a chunk's images kept in memory. Images beyond it are read twice.</summary>
    private const long MaxKept = 64L << 20;

    /// <summary>Files read by one task: a thread switch takes as long as reading a small file.</summary>
    private const int FilesPerTask = 8;

    private readonly LaneLimiter _decoders = new(decoders);

    /// <summary>Limits network fetches, which wait and use no processor.</summary>
    private readonly LaneLimiter _fetches = new(fetches);

    public ReferenceReader References => references;

    /// <summary>Runs <paramref name="work"/> when one of the decoders is free.</summary>
    public Task<T> DecodeAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken, Lane lane = Lane.Bulk) =>
        RunAsync(_decoders, work, lane, cancellationToken);

    private static async Task<T> RunAsync<T>(LaneLimiter places, Func<Task<T>> work, Lane lane, CancellationToken cancellationToken)
    {
        using var place = await places.EnterAsync(lane, cancellationToken);
        return await Task.Run(work, cancellationToken);
    }

    public async Task<FetchedImage[]> FetchAsync(
        IReadOnlyList<ImageReference> images,
        Plan plan,
        CancellationToken cancellationToken,
        Lane lane = Lane.Bulk
    )
    {
        var (kept, fetched) = (new Kept(), new FetchedImage[images.Count]);
        var byFile = Enumerable.Range(0, images.Count).ToLookup(i => images[i].Kind == ReferenceKind.File);
        await Task.WhenAll(
            byFile[true]
                .Chunk(FilesPerTask)
                .Select(indices => RunAsync(_decoders, () => FetchInTurnAsync(indices), lane, cancellationToken))
                .Concat(byFile[false].Select(i => RunAsync(_fetches, () => FetchInTurnAsync([i]), lane, cancellationToken)))
        );
        return fetched;

        async Task<bool> FetchInTurnAsync(int[] indices)
        {
            foreach (var i in indices)
                fetched[i] = await FetchAsync(images[i], plan, kept, cancellationToken);
            return true;
        }
    }

    public async Task<FetchedImage> FetchAsync(ImageReference reference, Plan plan, Kept kept, CancellationToken cancellationToken)
    {
        var label = LabelOf(reference, plan);
        try
        {
            var startedAt = Stage.Begin();
            var (bytes, stamp) = await ReadAsync(reference, cancellationToken);
            Stage.End(Stage.Fetch, startedAt);
            var sha256 = Digest.Of(bytes);
            var id = IdOf(sha256, plan, label);
            return new FetchedImage(
                reference with
                {
                    Stamp = stamp,
                },
                null,
                sha256,
                id,
                kept.TryKeep(bytes.Length, MaxKept) ? bytes : null,
                label
            );
        }
        catch (ImageException failure)
        {
            return new FetchedImage(reference, failure, null, default, null, label);
        }
    }

    /// <exception cref="ImageException">The image cannot be read.</exception>
    public Task<ReadImage> ReadAsync(ImageReference reference, CancellationToken cancellationToken) =>
        reference.Kind == ReferenceKind.Upload
            ? storeRetry.CallAsync(cancellationToken => references.ReadAsync(reference, cancellationToken).AsTask(), cancellationToken)
            : references.ReadAsync(reference, cancellationToken).AsTask();

    /// <summary>
    /// Returns the images that need not be read if their explanations are stored: an earlier record has their digest, and their sources
    /// have not changed since.
    /// </summary>
    public IReadOnlyList<FetchedImage> Recall(IReadOnlyList<ImageReference> images, Plan plan)
    {
        var recalled = new List<FetchedImage>();
        foreach (var reference in images)
            if (reference.KnownSha256 is { } sha256 && IsUnchanged(reference))
            {
                var label = LabelOf(reference, plan);
                recalled.Add(new FetchedImage(reference, null, sha256, IdOf(sha256, plan, label), null, label));
            }
        return recalled;
    }

    private bool IsUnchanged(ImageReference reference)
    {
        try
        {
            return references.IsUnchanged(reference);
        }
        catch (ImageException)
        {
            return false; // reading it gives the reason
        }
    }

    private static int? LabelOf(ImageReference reference, Plan plan) =>
        reference.Label is { } text && plan.Engine.Classes.Find(text) is >= 0 and var known ? known : null;

    public static Digest IdOf(Digest sha256, Plan plan, int? label) => ExplanationId.Compute(sha256, plan.Recipe, plan.Canonical(label));

    internal sealed class Kept
    {
        private long _bytes;

        public bool TryKeep(int bytes, long maximum) => Interlocked.Add(ref _bytes, bytes) <= maximum;
    }
}
