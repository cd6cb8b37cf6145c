using System.Text.Json;
using AgCam.Models.Safetensors;

namespace AgCam.Models.Hub;

/// <summary>A model that is now whole in the cache.</summary>
/// <param name="Folder">To be opened as a checkpoint.</param>
/// <param name="FromCache">The Hub was not asked, or did not answer: the revision may have moved on since.</param>
public sealed record HubSnapshot(HubId Id, string Commit, string Folder, bool FromCache)
{
    /// <summary>The name under which the model is recorded: org/name@commit.</summary>
    public string RecordedId => $"{Id.Repo}@{Commit}";
}

/// <summary>Fetches models from the Hub (or a mirror) into the cache that Python's huggingface_hub uses too.</summary>
public sealed class HubClient(HubOptions options) : IDisposable
{
    private const int MostForListing = 32 << 20;
    private static readonly string[] Small = ["config.json", "preprocessor_config.json"];

    private readonly HubTransport _transport = new(options);

    public HubCache Cache { get; } = new(options.CacheFolder);

    public void Dispose() => _transport.Dispose();

    public Task<HubSnapshot> PullAsync(string id) => PullAsync(HubId.Parse(id), null, CancellationToken.None);

    /// <summary>
    /// Brings the cache up to the revision: its configuration and safetensors weights, and only what is missing of them. Stopping half-way
    /// loses nothing: the next pull goes on from there. Several processes may pull the same model at once.
    /// </summary>
    /// <exception cref="ModelException">With the reason and the next step: hub-unauthorized, hub-not-found, ...</exception>
    public async Task<HubSnapshot> PullAsync(HubId id, IProgress<HubProgress>? progress, CancellationToken cancellationToken)
    {
        if (options.Offline)
            return Cached(id)
                ?? throw new ModelException(
                    ModelFailure.HubOffline,
                    $"{id} is not in the cache ({Cache.Folder}), and HF_HUB_OFFLINE forbids to fetch it. "
                        + "Unset it, or pull the model where there is a network."
                );
        if (id.IsCommit && Cache.Find(id) is { } whole)
            return new HubSnapshot(id, id.Revision, whole, FromCache: true); // a commit never changes
        try
        {
            return await FetchAsync(id, progress, cancellationToken);
        }
        catch (ModelException error) when (error.Reason == ModelFailure.HubUnreachable && Cached(id) is not null)
        {
            return Cached(id)!;
        }
        catch (Exception error) when (error is UnauthorizedAccessException or IOException)
        {
            throw new ModelException(
                ModelFailure.CacheUnwritable,
                $"The cache {Cache.Folder} cannot be written: {error.Message} " + "Free some space, or set HF_HUB_CACHE to another folder.",
                error
            );
        }
    }

    /// <summary>
    /// What stands in where nothing can be fetched: whole if possible, else without its preprocessing, which options can give.
    /// </summary>
    internal HubSnapshot? Cached(HubId id) =>
        Cache.FindWeights(id) is { } folder ? new HubSnapshot(id, Path.GetFileName(folder), folder, FromCache: true) : null;

    private async Task<HubSnapshot> FetchAsync(HubId id, IProgress<HubProgress>? progress, CancellationToken cancellationToken)
    {
        var (commit, files) = await _transport.WithRetriesAsync(
            $"The list of files of {id}",
            () => ListAsync(id, cancellationToken),
            () => 0,
            cancellationToken
        );
        var weights =
            files.Contains(SafetensorsWeights.SingleName) ? SafetensorsWeights.SingleName
            : files.Contains(SafetensorsWeights.IndexName) ? SafetensorsWeights.IndexName
            : throw NoSafetensors(id, files);

        var download = new HubDownload(_transport, Cache, options, id, commit, progress);
        foreach (var file in Small)
            if (files.Contains(file))
                await download.FetchAsync(file, isSmall: true, cancellationToken);
            else
                Cache.RememberAbsence(id.Repo, commit, file);
        var isIndex = weights == SafetensorsWeights.IndexName;
        var place = await download.FetchAsync(weights, isSmall: isIndex, cancellationToken);
        foreach (var shard in isIndex ? SafetensorsWeights.ShardsOf(place) : [])
            await download.FetchAsync(shard, isSmall: false, cancellationToken);

        Cache.SetRef(id, commit); // last: who finds the revision finds it whole
        return new HubSnapshot(id, commit, Cache.Snapshot(id.Repo, commit), FromCache: false);
    }

    private async Task<(string Commit, HashSet<string> Files)> ListAsync(HubId id, CancellationToken cancellationToken)
    {
        var address = new Uri($"{options.Endpoint}/api/models/{id.Repo}/revision/{Uri.EscapeDataString(id.Revision)}");
        using var response = await _transport.SendAsync(HttpMethod.Get, address, 0, null, cancellationToken);
        HubAnswer.Require(response, id, null, options);
        try
        {
            using var document = JsonDocument.Parse(
                await ReadAsync(response, cancellationToken),
                new JsonDocumentOptions { MaxDepth = 64 }
            );
            var commit = document.RootElement.GetProperty("sha").GetString() ?? "";
            var files = document
                .RootElement.GetProperty("siblings")
                .EnumerateArray()
                .Select(file => file.GetProperty("rfilename").GetString() ?? "")
                .ToHashSet(StringComparer.Ordinal);
            if (HubId.IsCommitHash(commit))
                return (commit, files);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            // Told below: whatever answered, it was not the Hub.
        }

        throw new ModelException(
            ModelFailure.HubBadAnswer,
            $"{options.Endpoint} does not answer as the Hub does for {id}. Check HF_ENDPOINT, and whether a proxy asks for a login."
        );
    }

    private async Task<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await using var source = await _transport.WithinTimeoutAsync(limit => response.Content.ReadAsStreamAsync(limit), cancellationToken);
        using var body = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (
            await _transport.WithinTimeoutAsync(limit => source.ReadAsync(buffer, limit).AsTask(), cancellationToken) is var count and > 0
        )
        {
            body.Write(buffer, 0, count);
            if (body.Length > MostForListing)
                throw new ModelException(
                    ModelFailure.HubBadAnswer,
                    $"{options.Endpoint} lists more than {MostForListing:N0} bytes of files."
                );
        }

        return body.ToArray();
    }

    private ModelException NoSafetensors(HubId id, HashSet<string> files)
    {
        var pickle = files.FirstOrDefault(file => Path.GetExtension(file) is ".bin" or ".pth" or ".pt");
        return pickle is null
            ? new ModelException(
                ModelFailure.HubNotFound,
                $"{id} has no {SafetensorsWeights.SingleName}. See its files at {options.Endpoint}/{id.Repo}, and choose another model."
            )
            : new ModelException(
                ModelFailure.PickleNotImported,
                $"{id} has its weights as a pickle only ({PrintableName.Of(pickle)}), which is not pulled. "
                    + (
                        files.Contains("config.json")
                            ? "Download that file, config.json and preprocessor_config.json into a folder, and convert it, without "
                                + "running anything in it, with: agcam models import FILE --out FOLDER"
                            : "Download that file, and convert it, without running anything in it, with: agcam models import FILE "
                                + "--arch ... --out FOLDER"
                    )
            );
    }
}
