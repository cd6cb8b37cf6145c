using System.Text.Json;
using AgCam.Models.Safetensors;

namespace AgCam.Models.Hub;

/// <summary>Complete snapshot of a model in the cache.</summary>
/// <param name="Folder">Folder that can be opened as a checkpoint.</param>
/// <param name="FromCache">True when the Hub was not asked or did not answer. The revision may have moved since.</param>
public sealed record HubSnapshot(HubId Id, string Commit, string Folder, bool FromCache)
{
    /// <summary>Name under which the model is recorded: org/name@commit.</summary>
    public string RecordedId => $"{Id.Repo}@{Commit}";
}

/// <summary>Fetches models from the Hub (or a mirror) into the cache that Python's huggingface_hub uses too.</summary>
public sealed class HubClient(HubOptions options) : IDisposable
{
    private const int MaxListingBytes = 32 << 20;
    private static readonly string[] Small = ["config.json", "preprocessor_config.json"];

    private readonly HubTransport _transport = new(options);

    public HubCache Cache { get; } = new(options.CacheFolder);

    public void Dispose() => _transport.Dispose();

    public Task<HubSnapshot> PullAsync(string id) => PullAsync(HubId.Parse(id), null, CancellationToken.None);

    /// <summary>
    /// Downloads the missing files of a revision: configuration and safetensors weights. The next pull resumes an interrupted one. Several
    /// processes may pull the same model at once.
    /// </summary>
    /// <exception cref="ModelException">The pull failed: hub-unauthorized, hub-not-found, ...</exception>
    public async Task<HubSnapshot> PullAsync(HubId id, IProgress<HubProgress>? progress, CancellationToken cancellationToken)
    {
        if (options.Offline)
            return Cached(id)
                ?? throw new ModelException(
                    ModelFailure.HubOffline,
                    $"{id} is not in the cache ({Cache.Folder}), and HF_HUB_OFFLINE forbids downloads. "
                        + "Unset it, or pull the model on a machine with a network."
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

    /// <summary>Returns a cached snapshot with at least the weights; options can give a missing preprocessing.</summary>
    internal HubSnapshot? Cached(HubId id) =>
        Cache.FindWeights(id) is { } folder ? new HubSnapshot(id, Path.GetFileName(folder), folder, FromCache: true) : null;

    private async Task<HubSnapshot> FetchAsync(HubId id, IProgress<HubProgress>? progress, CancellationToken cancellationToken)
    {
        var (commit, files) = await _transport.WithRetriesAsync(
            $"The file list of {id}",
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

        Cache.SetRef(id, commit); // last, so that a known revision is complete
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
            // Not a response of the Hub: thrown below.
        }

        throw new ModelException(
            ModelFailure.HubBadAnswer,
            $"{options.Endpoint} did not return the Hub's file list for {id}. Check HF_ENDPOINT, and whether a proxy requires a login."
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
            if (body.Length > MaxListingBytes)
                throw new ModelException(
                    ModelFailure.HubBadAnswer,
                    $"{options.Endpoint} returned a file list of more than {MaxListingBytes:N0} bytes. Check HF_ENDPOINT."
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
                $"{id} stores its weights only as a pickle ({PrintableName.Of(pickle)}), which is not downloaded. "
                    + (
                        files.Contains("config.json")
                            ? "Download that file, config.json and preprocessor_config.json into a folder, and convert it, without "
                                + "running its code, with: agcam models import FILE --out FOLDER"
                            : "Download that file, and convert it, without running its code, with: agcam models import FILE "
                                + "--arch ... --out FOLDER"
                    )
            );
    }
}
