using AgCam.Models.Hub;

namespace AgCam.Models;

/// <summary>Sources in which a model reference is looked up.</summary>
public sealed record ModelSources
{
    public required HubOptions Hub { get; init; }

    /// <summary>Returns the folder of a model that ships with the program, e.g. "scenes"; null for any other name.</summary>
    public Func<string, string?> Shipped { get; init; } = _ => null;

    /// <summary>Receives the progress of downloads.</summary>
    public IProgress<HubProgress>? Progress { get; init; }
}

/// <summary>
/// Resolves the value of --model: the name of a shipped model (scenes), a folder, a .safetensors file, or a Hub id (org/name or
/// org/name@revision). Shipped names take precedence over paths: ./scenes is the folder.
/// </summary>
public static class ModelReference
{
    /// <summary>Opens the model. A model of the Hub is pulled unless it is in the cache.</summary>
    /// <exception cref="ModelException">There is no such model, or it cannot be used.</exception>
    public static async Task<Checkpoint> ResolveAsync(
        string reference,
        ModelSources sources,
        CheckpointOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        options ??= new CheckpointOptions();
        if (sources.Shipped(reference) is { } shipped)
            return Checkpoint.Open(shipped, options with { Id = options.Id ?? reference });
        if (Directory.Exists(reference) || File.Exists(reference))
            return Checkpoint.Open(reference, options);
        if (LooksLikePath(reference) || !HubId.TryParse(reference, out var id))
            throw new ModelException(
                ModelFailure.NotFound,
                $"{PrintableName.Of(reference)} is neither a folder, nor a file, nor a Hub id (org/name). "
                    + "Give one of these, or the name of a shipped model, e.g. scenes."
            );

        using var hub = new HubClient(sources.Hub);
        var snapshot = hub.Cache.Find(id) is { } folder
            ? new HubSnapshot(id, Path.GetFileName(folder), folder, FromCache: true)
            : await PullAsync(hub, id, sources.Progress, cancellationToken);
        return Checkpoint.Open(snapshot.Folder, options with { Id = options.Id ?? snapshot.RecordedId });
    }

    /// <summary>Pulls the model; falls back to cached weights, whose preprocessing the options can give.</summary>
    private static async Task<HubSnapshot> PullAsync(
        HubClient hub,
        HubId id,
        IProgress<HubProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await hub.PullAsync(id, progress, cancellationToken);
        }
        catch (ModelException) when (hub.Cached(id) is not null)
        {
            return hub.Cached(id)!;
        }
    }

    private static bool LooksLikePath(string reference) =>
        Path.IsPathRooted(reference)
        || reference.StartsWith('.')
        || reference.EndsWith('/')
        || reference.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
}
