using AgCam.Api.Doors;
using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Resources;

/// <summary>What asking for an explanation needs at hand.</summary>
internal sealed record Desk(
    ApiOptions Options, PipelineOptions Pipeline, ReferenceReader References, IStore Store, IExplainBus Bus, ModelCatalog Models, ApiKeys Keys, ImageRate Rate, Admission Admission, Waiting Waiting, ILogger<Desk> Log)
{
    /// <exception cref="InvalidRequestException">More than is allowed.</exception>
    public TimeSpan Wait(HttpContext http) => TimeSpan.FromSeconds(http.Request.Query.Number("wait", 0, Options.MaxWaitSeconds) ?? 0);

    /// <summary>It is written down already: should the bus not take it now, the sweeper publishes it once its time is over.</summary>
    public async Task PublishAsync(ExplainImages message, CancellationToken cancel)
    {
        try
        {
            await PublishAsync(message).WaitAsync(BrokerPatience, cancel);
        }
        catch (TimeoutException)
        {
            Log.LogWarning("The broker is slow to take request {Request}, which is stored", message.Owner);
        }
    }

    /// <summary>How long an answer waits for the broker; the bus itself tries for longer, and goes on.</summary>
    private static readonly TimeSpan BrokerPatience = TimeSpan.FromSeconds(3);

    private async Task PublishAsync(ExplainImages message)
    {
        try
        {
            await Bus.PublishAsync(message, CancellationToken.None);
        }
        catch (Exception broker)
        {
            Log.LogWarning("Request {Request} is stored and will be published later: {Reason}", message.Owner, broker.Message);
        }
    }

    /// <returns>Null when the key is new; else whether it was used for this very request.</returns>
    public async Task<Earlier?> FindAsync(ExplainImages message, Digest? image, CancellationToken cancel)
    {
        if (await Store.Chunks.FindAsync(message.Owner, 0, cancel) is { Request: { } accepted })
            return new Earlier(Same(accepted, message, image));
        if (await Store.Items.FindAsync(message.Owner, 0, cancel) is not { } item)
            return await Store.Jobs.FindAsync(message.Owner, cancel) is null ? null : new Earlier(false);
        var explanation = item.Explanation is { } id ? await Store.Explanations.FindAsync(id, cancel) : null;
        return new Earlier(Same(item, explanation, message, image));
    }

    /// <summary>An image that was sent along is the same when its bytes are; each sending has an upload of its own.</summary>
    public static bool Same(ExplainImages earlier, ExplainImages later, Digest? image)
    {
        var (before, now) = (earlier.References[0], later.References[0]);
        return earlier.Model == later.Model && earlier.Method == later.Method && earlier.Threshold == later.Threshold && earlier.Dtype == later.Dtype
            && earlier.Targets.SequenceEqual(later.Targets) && before.Label == now.Label && before.Kind == now.Kind && Same(before.Metadata, now.Metadata)
            && (image is null ? before.Uri == now.Uri : before.KnownSha256 == image);
    }

    /// <summary>Once it is done the request itself is gone; its record and its explanation tell what it was, but for the threshold.</summary>
    private static bool Same(Item item, StoredExplanation? explanation, ExplainImages later, Digest? image)
    {
        var now = later.References[0];
        return item.Model == later.Model.Id && item.Label == now.Label && item.Kind == now.Kind && Same(item.Metadata, now.Metadata)
            && (image is null ? item.Uri == now.Uri : item.Sha256 is null || item.Sha256 == image)
            && (explanation is null || SameTargets(explanation.Maps, TargetForm.Resolve(later.Targets, now.Label)));
    }

    /// <summary>A class is stored by its index, and a target that the model has no class for not at all.</summary>
    private static bool SameTargets(IReadOnlyList<TargetMap> stored, IReadOnlyList<string> requested) =>
        stored.All(map => requested.Any(target => target == map.Target
            || target.Split(':', 2) is [var kind, var name] && map.Target.StartsWith(kind + ":", StringComparison.Ordinal) && (name == map.Name || name == $"{map.Class}")))
        && requested.All(target => target.StartsWith("class:", StringComparison.Ordinal) || target.StartsWith("label:", StringComparison.Ordinal) || stored.Any(map => map.Target == target));

    private static bool Same(IReadOnlyDictionary<string, string>? left, IReadOnlyDictionary<string, string>? right) =>
        (left?.Count ?? 0) == (right?.Count ?? 0) && (left is null || left.All(one => right!.TryGetValue(one.Key, out var value) && value == one.Value));
}

/// <param name="IsSame">Whether the key was used for the same request.</param>
internal sealed record Earlier(bool IsSame);
