using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Worker.Batching;

namespace AgCam.Worker.Chunks;

/// <summary>One image as far as it has been fetched: its failure, or what it is known by.</summary>
/// <param name="Bytes">Null when there were too many to keep: read them again.</param>
/// <param name="Label">The label's class.</param>
internal sealed record FetchedImage(ImageReference Reference, ImageException? Failure, Digest? Sha256, Digest Id, byte[]? Bytes, int? Label);

/// <summary>Reads images and finds their content addresses.</summary>
internal sealed class ImageFetch(ReferenceReader references, StorePatience patience, int decoders)
{
    /// <summary>Of one chunk, in bytes: what is over it is read twice rather than kept.</summary>
    private const long MaxKept = 64L << 20;

    /// <summary>Images read in one go: to hand a small file from thread to thread takes as long as to read it.</summary>
    private const int AtATime = 8;

    private readonly LaneGate _decoders = new(decoders);

    public ReferenceReader References => references;

    /// <summary>Runs <paramref name="work"/> when one of the decoders is free.</summary>
    public async Task<T> DecodeAsync<T>(Func<Task<T>> work, CancellationToken cancel, Lane lane = Lane.Bulk)
    {
        using var turn = await _decoders.EnterAsync(lane, cancel);
        return await Task.Run(work, cancel);
    }

    public async Task<FetchedImage[]> FetchAsync(IReadOnlyList<ImageReference> images, Plan plan, CancellationToken cancel, Lane lane = Lane.Bulk)
    {
        var (kept, fetched) = (new Kept(), new FetchedImage[images.Count]);
        await Task.WhenAll(Enumerable.Range(0, images.Count).Chunk(AtATime).Select(some => DecodeAsync(
            async () =>
            {
                foreach (var i in some)
                    fetched[i] = await FetchAsync(images[i], plan, kept, cancel);
                return some.Length;
            },
            cancel, lane)));
        return fetched;
    }

    public async Task<FetchedImage> FetchAsync(ImageReference reference, Plan plan, Kept kept, CancellationToken cancel)
    {
        int? label = reference.Label is { } text && plan.Engine.Classes.Find(text) is >= 0 and var known ? known : null;
        try
        {
            var bytes = await ReadAsync(reference, cancel);
            var sha256 = Digest.Of(bytes);
            var id = IdOf(sha256, plan, label);
            return new FetchedImage(reference, null, sha256, id, kept.TryKeep(bytes.Length, MaxKept) ? bytes : null, label);
        }
        catch (ImageException failure)
        {
            return new FetchedImage(reference, failure, null, default, null, label);
        }
    }

    /// <exception cref="ImageException">It cannot be had.</exception>
    public Task<byte[]> ReadAsync(ImageReference reference, CancellationToken cancel) => reference.Kind == ReferenceKind.Upload
        ? patience.CallAsync(token => references.ReadAsync(reference, token).AsTask(), cancel)
        : references.ReadAsync(reference, cancel).AsTask();

    public static Digest IdOf(Digest sha256, Plan plan, int? label) => ExplanationId.Compute(sha256, plan.Recipe, plan.Canonical(label));

    internal sealed class Kept
    {
        private long _bytes;

        public bool TryKeep(int bytes, long most) => Interlocked.Add(ref _bytes, bytes) <= most;
    }
}
