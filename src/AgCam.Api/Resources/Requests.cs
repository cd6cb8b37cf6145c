using AgCam.Api.Doors;
using AgCam.Api.Views;
using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;
using Answer = Microsoft.AspNetCore.Http.HttpResults.Results<
    Microsoft.AspNetCore.Http.HttpResults.Ok<AgCam.Api.Views.RequestView>, Microsoft.AspNetCore.Http.HttpResults.Accepted<AgCam.Api.Views.RequestView>, Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult>;

namespace AgCam.Api.Resources;

/// <summary>Asking for one image to be explained, and following it.</summary>
internal static class Requests
{
    private const int MaxKey = 200;

    public static void MapRequests(this IEndpointRouteBuilder v1)
    {
        v1.MapPost("/explanations", Create).TakesQuery("wait").Needs(Scope.Submit).Accepts<ExplainRequest>("application/json", "multipart/form-data")
            .WithSummary("Explain an image").WithDescription(
                "Send the image as the form part \"image\", or refer to it in JSON by \"uri\". With ?wait=seconds the answer is 200 and the result as soon as it is there; else, and when it takes longer, "
                + "202 and where to look. From a 2xx on the request is not lost, whatever crashes. With an Idempotency-Key header the same key is the same request; with another body it is a 409.");
        v1.MapGet("/requests/{id:guid}", Show).TakesQuery("wait").Needs(Scope.Read).WithSummary("Follow a request")
            .WithDescription("With ?wait=seconds it answers as soon as there is a result, or after that time.");
        v1.MapDelete("/requests/{id:guid}", Delete).TakesQuery().Needs(Scope.Admin).WithSummary("Delete a request and its item").WithDescription("Its explanation is left to retention.");
    }

    private static async Task<Answer> Create(HttpContext http, Desk desk, CancellationToken cancel)
    {
        var wait = desk.Wait(http);
        var (request, image, mediaType) = await ExplainRequest.ReadAsync(http.Request, cancel);
        var key = http.Request.Headers["Idempotency-Key"].ToString();
        if (key.Length > MaxKey)
            throw new InvalidRequestException($"The Idempotency-Key has {key.Length} characters; {MaxKey} are allowed.", "Take a shorter one, e.g. a UUID.");
        var message = request.ToMessage(
            key.Length > 0 ? key : Guid.CreateVersion7().ToString(), await desk.Models.ChooseAsync(request.Model, cancel), hasImage: image is not null);
        ExplainImagesRules.ThrowIfInvalid(message);
        Digest? sha256 = image is null ? null : Digest.Of(image);

        if (key.Length > 0 && await desk.FindAsync(message, sha256, cancel) is { } before)
            return before.IsSame ? await AnswerAsync(http, desk, message.Owner, wait, cancel) : Conflict(key);
        if (desk.Rate.Take(http.User.Identity!.Name!) is { } after)
            return Problem.Later(http, StatusCodes.Status429TooManyRequests, "rate-limited", "The key has sent as many images as it may for now.", after);
        if (!await desk.Admission.EnterAsync(message.Owner, cancel))
            return Problem.Later(
                http, StatusCodes.Status429TooManyRequests, "busy", $"{desk.Options.MaxPending} requests are waiting for a result already; many images at once make a job (POST /v1/jobs).",
                TimeSpan.FromSeconds(2));
        try
        {
            if (image is not null)
                message = Referring(message, await Uploads.KeepAsync(image, mediaType, desk.Options, desk.Store, cancel));
            var chunk = await desk.Store.Chunks.AcceptAsync(message, TimeSpan.FromSeconds(desk.Pipeline.TrustSeconds), cancel);
            // Two with one key at the same moment: the first stands, and the second is it or is refused.
            if (chunk.Request is { } accepted && !Desk.Same(accepted, message, sha256))
                return Conflict(key);
        }
        catch
        {
            desk.Admission.Leave(message.Owner);
            throw;
        }
        await desk.PublishAsync(message, cancel);
        return await AnswerAsync(http, desk, message.Owner, wait, cancel);
    }

    private static async Task<Answer> Show(Guid id, HttpContext http, Desk desk, CancellationToken cancel) => await AnswerAsync(http, desk, id, desk.Wait(http), cancel);

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(Guid id, Desk desk, CancellationToken cancel)
    {
        if (await desk.Store.Jobs.FindAsync(id, cancel) is not null || !await desk.Store.Jobs.DeleteAsync(id, cancel))
            return Missing(id);
        desk.Admission.Leave(id);
        return TypedResults.NoContent();
    }

    private static async Task<Answer> AnswerAsync(HttpContext http, Desk desk, Guid owner, TimeSpan wait, CancellationToken cancel)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (await desk.Waiting.ItemAsync(owner, 0, wait, cancel) is { } item)
        {
            desk.Admission.Leave(owner);
            var explanation = item.Explanation is { } id ? await desk.Store.Explanations.FindAsync(id, cancel) : null;
            return TypedResults.Ok(new RequestView(
                owner, item.Status == ItemStatus.Completed ? RequestState.Completed : RequestState.Failed, ItemView.Of(item), explanation is null ? null : ExplanationView.Of(explanation)));
        }
        if (await desk.Store.Chunks.FindAsync(owner, 0, cancel) is not { Request: not null } chunk)
            return Missing(owner);
        http.Response.Headers.RetryAfter = "1";
        return TypedResults.Accepted($"/v1/requests/{owner}", new RequestView(owner, chunk.State == ChunkState.Leased ? RequestState.Running : RequestState.Queued));
    }

    /// <summary>The digest comes along, so that a picture that was explained before is not even decoded again.</summary>
    private static ExplainImages Referring(ExplainImages message, Upload upload) =>
        message with { References = [message.References[0] with { Uri = upload.Id.ToString(), KnownSha256 = upload.Sha256 }] };

    private static ProblemHttpResult Missing(Guid id) =>
        Problem.NotFound($"request {id}", "A request is found by the id that POST /v1/explanations answered; a job is at /v1/jobs/{id}.");

    private static ProblemHttpResult Conflict(string key) => Problem.Conflict(
        "key-used", $"The Idempotency-Key \"{key}\" was used for another request before.", "Take a new key for a new request; the same key is for sending the same request again.");
}

/// <summary>What asking for an explanation needs at hand.</summary>
internal sealed record Desk(
    ApiOptions Options, PipelineOptions Pipeline, IStore Store, IExplainBus Bus, ModelCatalog Models, ImageRate Rate, Admission Admission, Waiting Waiting, ILogger<Desk> Log)
{
    /// <exception cref="InvalidRequestException">More than is allowed.</exception>
    public TimeSpan Wait(HttpContext http) => TimeSpan.FromSeconds(http.Request.Query.Number("wait", 0, Options.MaxWaitSeconds) ?? 0);

    /// <summary>It is written down already: should the bus not take it now, the sweeper publishes it once its time is over.</summary>
    public async Task PublishAsync(ExplainImages message, CancellationToken cancel)
    {
        try
        {
            await Bus.PublishAsync(message, cancel);
        }
        catch (BusException broker)
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
