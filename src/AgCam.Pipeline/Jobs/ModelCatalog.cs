using System.Collections.Concurrent;
using AgCam.Models;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Jobs;

/// <summary>Lists the models that the operator allows, with the digests of their weights. Reads checkpoints without libtorch.</summary>
public sealed class ModelCatalog(IReadOnlyDictionary<string, string> models)
{
    /// <summary>
    /// Models that average the patches are offered too: agcam-pooled is measured on them, and whoever explains refuses them.
    /// </summary>
    public static readonly CheckpointOptions Reading = new() { Pooled = true };

    private readonly ConcurrentDictionary<string, Lazy<Task<Known>>> _known = new(StringComparer.Ordinal);

    /// <summary>In ordinal order.</summary>
    public IReadOnlyList<string> Names { get; } = [.. models.Keys.Order(StringComparer.Ordinal)];

    /// <returns>The model's folder or file; null when the model is not allowed.</returns>
    public string? Find(string name) => models.GetValueOrDefault(name);

    /// <summary>Returns the model with its digest, computed once. Jobs and requests are pinned to it.</summary>
    /// <exception cref="ModelException">The model is not listed, or cannot be read.</exception>
    public async Task<ModelPin> PinAsync(string name, CancellationToken cancellationToken = default) =>
        (await KnownAsync(name, cancellationToken)).Pin;

    /// <summary>Returns the model's configuration, which decides the methods that fit it.</summary>
    /// <exception cref="ModelException">The model is not listed, or cannot be read.</exception>
    public async Task<ViTConfig> ConfigAsync(string name, CancellationToken cancellationToken = default) =>
        (await KnownAsync(name, cancellationToken)).Config;

    private async Task<Known> KnownAsync(string name, CancellationToken cancellationToken)
    {
        if (Find(name) is not { } path)
            throw new ModelException(
                ModelFailure.NotFound,
                $"The model \"{name}\" is not one that this installation offers. It offers: "
                    + $"{(Names.Count == 0 ? "none; name some in the options" : string.Join(", ", Names))}."
            );
        var known = _known.GetOrAdd(name, _ => new Lazy<Task<Known>>(() => ReadAsync(name, path)));
        try
        {
            return await known.Value.WaitAsync(cancellationToken);
        }
        catch (Exception) when (known.Value.IsFaulted)
        {
            _known.TryRemove(new KeyValuePair<string, Lazy<Task<Known>>>(name, known)); // the next call tries again
            throw;
        }
    }

    /// <summary>Returns the model's classes and the size of its maps, from its configuration.</summary>
    /// <exception cref="ModelException">The model is not listed, or cannot be read.</exception>
    public async Task<ModelCard> DescribeAsync(string name, CancellationToken cancellationToken = default)
    {
        await PinAsync(name, cancellationToken);
        return await Task.Run(
            () =>
            {
                using var checkpoint = Checkpoint.Open(Find(name)!, Reading);
                var config = checkpoint.Config;
                return new ModelCard(
                    new ClassNames(config.Classes, checkpoint.ClassNames, checkpoint.WordNetIds),
                    config.GridRows,
                    config.GridColumns
                );
            },
            cancellationToken
        );
    }

    private static async Task<Known> ReadAsync(string name, string path)
    {
        using var checkpoint = Checkpoint.Open(path, Reading);
        return new Known(new ModelPin { Id = name, Sha256 = Digest.Parse(await checkpoint.Sha256Async()) }, checkpoint.Config);
    }

    private sealed record Known(ModelPin Pin, ViTConfig Config);
}
