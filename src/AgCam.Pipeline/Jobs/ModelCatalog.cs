using System.Collections.Concurrent;
using AgCam.Models;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Jobs;

/// <summary>The models that the operator allows, and the digests of their weights. Reads checkpoints, needs no libtorch.</summary>
public sealed class ModelCatalog(IReadOnlyDictionary<string, string> models)
{
    private readonly ConcurrentDictionary<string, Lazy<Task<ModelPin>>> _pins = new(StringComparer.Ordinal);

    /// <summary>In ordinal order.</summary>
    public IReadOnlyList<string> Names { get; } = [.. models.Keys.Order(StringComparer.Ordinal)];

    /// <returns>The folder or file; null when the model is not allowed.</returns>
    public string? Find(string name) => models.GetValueOrDefault(name);

    /// <summary>The model with its digest, which is computed once: jobs and requests are pinned to it.</summary>
    /// <exception cref="ModelException">The model is not listed, or cannot be read.</exception>
    public async Task<ModelPin> PinAsync(string name, CancellationToken cancel = default)
    {
        if (Find(name) is not { } path)
            throw new ModelException(ModelFailure.NotFound,
                $"The model \"{name}\" is not one that this installation offers. It offers: {(Names.Count == 0 ? "none; name some in the options" : string.Join(", ", Names))}.");
        var pin = _pins.GetOrAdd(name, _ => new Lazy<Task<ModelPin>>(() => ReadAsync(name, path)));
        try
        {
            return await pin.Value.WaitAsync(cancel);
        }
        catch (Exception) when (pin.Value.IsFaulted)
        {
            _pins.TryRemove(new KeyValuePair<string, Lazy<Task<ModelPin>>>(name, pin)); // it may be there next time
            throw;
        }
    }

    /// <summary>The model's classes and the size of its maps, from its configuration.</summary>
    /// <exception cref="ModelException">The model is not listed, or cannot be read.</exception>
    public async Task<ModelCard> DescribeAsync(string name, CancellationToken cancel = default)
    {
        await PinAsync(name, cancel);
        return await Task.Run(() =>
        {
            using var checkpoint = Checkpoint.Open(Find(name)!);
            var config = checkpoint.Config;
            return new ModelCard(new ClassNames(config.Classes, checkpoint.ClassNames, checkpoint.WordNetIds), config.GridRows, config.GridColumns);
        }, cancel);
    }

    private static async Task<ModelPin> ReadAsync(string name, string path)
    {
        using var checkpoint = Checkpoint.Open(path);
        return new ModelPin { Id = name, Sha256 = Digest.Parse(await checkpoint.Sha256Async()) };
    }
}
