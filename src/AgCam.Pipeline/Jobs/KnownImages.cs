using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>Adds the digests of images whose source stamps are known, so that workers need not read them again.</summary>
internal sealed class KnownImages(IStore store, JobSpec spec)
{
    /// <summary>Key in <see cref="JobSpec.Options"/>. With "true" every image is read.</summary>
    public const string Rehash = "rehash";

    public static bool IsRehash(JobSpec spec) =>
        string.Equals(spec.Options?.GetValueOrDefault(Rehash), "true", StringComparison.OrdinalIgnoreCase);

    public async Task<IReadOnlyList<IReadOnlyList<ImageReference>>> MarkAsync(
        List<List<ImageReference>> chunks,
        CancellationToken cancellationToken
    )
    {
        if (IsRehash(spec))
            return chunks;
        var stamps = chunks.SelectMany(chunk => chunk.Select(SourceStamp.Of)).OfType<SourceStamp>().ToList();
        if (stamps.Count == 0)
            return chunks;
        var known = await store.Items.KnownAsync(stamps, cancellationToken);
        return known.Count == 0
            ? chunks
            :
            [
                .. chunks.Select(chunk =>
                    chunk.ConvertAll(image =>
                        SourceStamp.Of(image) is { } source && known.TryGetValue(source, out var sha256)
                            ? image with
                            {
                                KnownSha256 = sha256,
                            }
                            : image
                    )
                ),
            ];
    }
}
