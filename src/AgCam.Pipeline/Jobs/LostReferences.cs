using AgCam.Pipeline.Jobs.Sources;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>Finds the references of lost chunks in the remaining records and in the job's source.</summary>
internal sealed class LostReferences(Job job, ReferenceReader references, IStore store) : IAsyncDisposable
{
    /// <summary>Maximum size of a chunk's place in a source that has grown, in sizes of the chunk.</summary>
    private const int MaxGrowth = 8;

    private IImageSource? _source;
    private IAsyncEnumerator<ImageReference>? _walk;
    private PlanTail? _at;

    /// <summary>Reference of an original that was not found.</summary>
    public string Place { get; } = job.Spec.Source[(job.Spec.Source.IndexOf(':') + 1)..];

    /// <param name="lastUri">Last image of the previous chunk; null for the first chunk.</param>
    /// <param name="stored">Records of the chunk, by number.</param>
    /// <returns>One reference for each image. An original that is not found becomes a failed item with the reason.</returns>
    /// <exception cref="SourceException">The source cannot be read.</exception>
    public async Task<IReadOnlyList<ImageReference>> FindAsync(
        ChunkPlan chunk,
        string? lastUri,
        IReadOnlyDictionary<int, Item> stored,
        CancellationToken cancellationToken
    )
    {
        var numbers = Enumerable.Range(chunk.First, chunk.Count).ToList();
        var unknown = numbers.Where(number => !stored.ContainsKey(number)).ToList();
        var isNeeded = unknown.Count > 0 && job.State != JobState.Cancelled;
        var found = isNeeded ? await FindInSourceAsync(chunk, lastUri, stored.Values, cancellationToken) : [];
        var assigned = found.Count <= unknown.Count ? unknown.Zip(found).ToDictionary(pair => pair.First, pair => pair.Second) : [];
        var why =
            found.Count <= unknown.Count
                ? $"The original is not in {job.Spec.Source} any more."
                : $"{job.Spec.Source} has changed: it has {found.Count} images in the place of {unknown.Count}, so the original "
                    + $"is not known.";
        return
        [
            .. numbers.Select(number =>
                stored.TryGetValue(number, out var item) ? Of(item)
                : assigned.TryGetValue(number, out var reference) ? reference with { Number = number }
                : Vanished(number, why)
            ),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        if (_walk is not null)
            await _walk.DisposeAsync();
    }

    /// <summary>Returns the images in the chunk's place of the source that have no record.</summary>
    private async Task<List<ImageReference>> FindInSourceAsync(
        ChunkPlan chunk,
        string? lastUri,
        IEnumerable<Item> stored,
        CancellationToken cancellationToken
    )
    {
        if (lastUri is null && chunk.First > 0)
            throw new SourceException("The chunk before it could not be planned either, so its place in the source is unknown.");
        _source ??= ImageSource.Open(job.Spec, references, store);
        var tail = new PlanTail(chunk.Number, chunk.First, lastUri, job.Generation);
        var place = await ReadAsync(tail, chunk.Count, cancellationToken);
        if (chunk.LastUri is { } last && (place.Count < chunk.Count || place[^1].Uri != last))
            place = await ReadChangedAsync(tail, chunk, last, cancellationToken);
        var recorded = stored.GroupBy(item => item.Uri).ToDictionary(uri => uri.Key, uri => uri.Count());
        return [.. place.Where(reference => !IsRecorded(reference))];

        bool IsRecorded(ImageReference reference)
        {
            var left = recorded.GetValueOrDefault(reference.Uri);
            recorded[reference.Uri] = left - 1;
            return left > 0;
        }
    }

    /// <summary>Returns the next images of the source. Consecutive chunks are read in one walk.</summary>
    private async Task<List<ImageReference>> ReadAsync(PlanTail tail, int count, CancellationToken cancellationToken)
    {
        if (_walk is null || _at != tail)
        {
            await DisposeAsync();
            _walk = _source!.WalkAsync(tail, cancellationToken).GetAsyncEnumerator(cancellationToken);
        }
        var read = new List<ImageReference>(count);
        while (read.Count < count && await _walk.MoveNextAsync())
            read.Add(_walk.Current);
        _at = read.Count == count ? new PlanTail(tail.NextChunk + 1, tail.NextImage + count, read[^1].Uri, tail.Generation) : null;
        return read;
    }

    /// <summary>Returns the images between the previous chunk's last and this chunk's last, when the source has changed since.</summary>
    private async Task<List<ImageReference>> ReadChangedAsync(
        PlanTail tail,
        ChunkPlan chunk,
        string last,
        CancellationToken cancellationToken
    )
    {
        string? stop = null;
        var after = new PlanTail(chunk.Number + 1, chunk.First + chunk.Count, last, tail.Generation);
        await foreach (var next in _source!.WalkAsync(after, cancellationToken))
        {
            stop = next.Uri;
            break;
        }
        _at = null;
        var read = new List<ImageReference>(chunk.Count);
        await foreach (var reference in _source.WalkAsync(tail, cancellationToken))
        {
            if (reference.Uri == stop || read.Count == MaxGrowth * chunk.Count)
                break;
            read.Add(reference);
        }
        return read;
    }

    private static ImageReference Of(Item item) =>
        new()
        {
            Number = item.Number,
            Kind = item.Kind,
            Uri = item.Uri,
            Label = item.Label,
            Split = item.Split,
            Metadata = item.Metadata,
            Stamp = item.Stamp,
            Refused = item.Reason == ReferenceFailure.Invalid ? item.Detail : null,
        };

    private ImageReference Vanished(int number, string why) =>
        new()
        {
            Number = number,
            Uri = Place,
            Refused = why,
        };
}
