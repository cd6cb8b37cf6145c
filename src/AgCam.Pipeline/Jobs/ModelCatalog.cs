using System.Collections.Concurrent;
using AgCam.Models;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Jobs;

/// <summary>Lists the models that the operator allows, with the digests of their weights. Reads checkpoints without libtorch.</summary>
public sealed class ModelCatalog(IReadOnlyDictionary<string, string> models)
{
    /// <summary>
    /// Models that average the patches are included. A request with a method that does not explain them is refused.
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

    /// <summary>Returns the model's shape and classes: which methods and targets are for it follows from them.</summary>
    /// <exception cref="ModelException">The model is not listed, or cannot be read.</exception>
    public async Task<ModelCard> DescribeAsync(string name, CancellationToken cancellationToken = default) =>
        (await KnownAsync(name, cancellationToken)).Card;

    private async Task<Known> KnownAsync(string name, CancellationToken cancellationToken)
    {
        if (Find(name) is not { } path)
            throw new ModelException(
                ModelFailure.NotFound,
                $"There is no model \"{name}\". Configured models: "
                    + $"{(Names.Count == 0 ? "none; add some in Pipeline:Models" : string.Join(", ", Names))}."
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

    private static async Task<Known> ReadAsync(string name, string path)
    {
        using var checkpoint = Checkpoint.Open(path, Reading);
        var config = checkpoint.Config;
        return new Known(
            new ModelPin { Id = name, Sha256 = Digest.Parse(await checkpoint.Sha256Async()) },
            new ModelCard(config, new ClassNames(config.Classes, checkpoint.ClassNames, checkpoint.WordNetIds))
        );
    }

    private sealed record Known(ModelPin Pin, ModelCard Card);
}
