using AgCam.Models.Hub;

namespace AgCam.Models;

/// <summary>Where a name of a model may lead.</summary>
public sealed record ModelSources
{
    public required HubOptions Hub { get; init; }

    /// <summary>The folder of a model that ships with the program, e.g. of "scenes"; null for any other name.</summary>
    public Func<string, string?> Shipped { get; init; } = _ => null;

    /// <summary>Told of downloads.</summary>
    public IProgress<HubProgress>? Progress { get; init; }
}

/// <summary>
/// What a person writes after --model: the name of a model that ships (scenes), a folder, a .safetensors file, or a Hub id
/// (org/name or org/name@revision). A shipped name comes first, then what is on disk: ./scenes is the folder.
/// </summary>
public static class ModelReference
{
    /// <summary>Opens the model. One from the Hub is taken from the cache when it is there, else pulled.</summary>
    /// <exception cref="ModelException">With the reason and the next step.</exception>
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
                $"{PrintableName.Of(reference)} is no folder, no file and no Hub id (org/name). "
                    + "Give one of them, or the name of a model that ships, e.g. scenes."
            );

        using var hub = new HubClient(sources.Hub);
        var snapshot = hub.Cache.Find(id) is { } folder
            ? new HubSnapshot(id, Path.GetFileName(folder), folder, FromCache: true)
            : await PullAsync(hub, id, sources.Progress, cancellationToken);
        return Checkpoint.Open(snapshot.Folder, options with { Id = options.Id ?? snapshot.RecordedId });
    }

    /// <summary>Where the pull fails but the weights are in the cache, they will do: options can give the preprocessing.</summary>
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
