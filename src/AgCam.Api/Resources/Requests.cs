using AgCam.Api.Security;
using AgCam.Api.Views;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Answer = Microsoft.AspNetCore.Http.HttpResults.Results<
    Microsoft.AspNetCore.Http.HttpResults.Ok<AgCam.Api.Views.RequestView>,
    Microsoft.AspNetCore.Http.HttpResults.Accepted<AgCam.Api.Views.RequestView>,
    Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult
>;

namespace AgCam.Api.Resources;

/// <summary>Requests for one image: created and followed.</summary>
internal static class Requests
{
    public static void MapRequests(this IEndpointRouteBuilder v1, ApiOptions options)
    {
        v1.MapPost("/explanations", CreateAsync)
            .TakesQuery("wait")
            .Needs(Scope.Submit)
            .Changes(Change.New)
            .Accepts<ExplainRequest>("application/json", "multipart/form-data")
            .RequireRateLimiting(KeyConcurrency.Held)
            .WithMetadata(new RequestSizeLimitAttribute(options.MaxUploadBytes + ExplainForm.MaxFieldBytes))
            .WithSummary("Explain an image")
            .WithDescription(
                "Send the image as the form part \"image\", or refer to it in JSON by \"uri\". With ?wait=seconds the answer is "
                    + "200 with the result as soon as it exists. Otherwise, and when it takes longer, it is "
                    + "202 with a Location. After a 2xx the request is not lost, whatever crashes. "
                    + "With an Idempotency-Key header the same key is the same request; "
                    + "with another body, or the key of a job, it is a 409."
            );
        v1.MapGet("/requests/{id:guid}", ShowAsync)
            .RequireRateLimiting(KeyConcurrency.Held)
            .TakesQuery("wait")
            .Needs(Scope.Read)
            .WithSummary("Follow a request")
            .WithDescription("With ?wait=seconds it answers as soon as the result exists, or after that time.");
        v1.MapDelete("/requests/{id:guid}", DeleteAsync)
            .TakesQuery()
            .Needs(Scope.Submit)
            .Changes(Change.One)
            .WithSummary("Delete a request and its item")
            .WithDescription("Retention deletes its explanation.");
    }

    /// <summary>Stores an uploaded image while it is received. What can be refused earlier is refused before the body is read.</summary>
    private static async Task<Answer> CreateAsync(HttpContext http, ExplanationServices services, CancellationToken cancellationToken)
    {
        var wait = services.Wait(http);
        var given = IdempotencyKey.Of(http, services.Keys);
        var key = given ?? Guid.CreateVersion7().ToString();
        var id = RequestId.Of(key);
        var isUsed = given is not null && await services.IsUsedAsync(id, cancellationToken);
        if (!isUsed && await RefuseAsync(http, services, id, cancellationToken) is { } refusal)
            return refusal;
        var owner = services.Ownership.Owner(http);
        var isAccepted = false;
        SentImage? image = null;
        try
        {
            var request = await ExplainRequest.ReadAsync(
                http.Request,
                services.Options,
                async (content, type) => image = await TakeAsync(content, type, owner, isUsed, services, cancellationToken),
                cancellationToken
            );
            var model = await services.Models.ChooseAsync(request.Model, cancellationToken);
            var card = await services.Models.DescribeAsync(model.Id, cancellationToken);
            var message = request.ToMessage(key, model, card, hasImage: image is not null);
            if (image is not null)
                message = Referring(message, image);

            if (given is not null && await services.IsKnownAsync(message, cancellationToken))
                return await AnswerAsync(http, services, id, wait, cancellationToken);
            if (isUsed)
                return Problem.Later(
                    http,
                    StatusCodes.Status429TooManyRequests,
                    "busy",
                    "The request of this key is being deleted.",
                    TimeSpan.FromSeconds(1)
                );
            if (image is null)
            {
                Check(message.References[0], services);
                await services.Ownership.CheckUseAsync(http, message.References[0], cancellationToken);
            }
            // Two with one key at the same moment: the first stands, and the second is it or is refused.
            var chunk = await services.Store.Chunks.AcceptAsync(
                message,
                TimeSpan.FromSeconds(services.Pipeline.VisibilityTimeoutSeconds),
                owner,
                cancellationToken
            );
            isAccepted = true;
            if (image?.Upload is { } sent && chunk.Request is { } first && first.References[0].Uri != sent.ToString())
                await services.Intake.DiscardAsync(sent);
            services.Admission.Accepted(id);
            services.Ownership.Changed(http, id);
            await services.PublishAsync(message, cancellationToken);
        }
        finally
        {
            if (!isAccepted && !isUsed)
                services.Admission.Leave(id);
            if (!isAccepted && image?.Upload is { } upload)
                await services.Intake.DiscardAsync(upload);
        }
        return await AnswerAsync(http, services, id, wait, cancellationToken);
    }

    /// <returns>Null when a new request is allowed.</returns>
    private static async Task<ProblemHttpResult?> RefuseAsync(
        HttpContext http,
        ExplanationServices services,
        Guid id,
        CancellationToken cancellationToken
    )
    {
        var name = http.User.Identity!.Name!;
        if (services.Rate.Take(name) is { } after)
            return Problem.Later(
                http,
                StatusCodes.Status429TooManyRequests,
                "rate-limited",
                "The key has reached its limit of images per minute.",
                after
            );
        return await services.Admission.EnterAsync(id, name, cancellationToken) is not { } busy
            ? null
            : Problem.Later(
                http,
                StatusCodes.Status429TooManyRequests,
                "busy",
                $"{busy}; many images at once make a job (POST /v1/jobs).",
                TimeSpan.FromSeconds(2)
            );
    }

    /// <summary>Stores the image. With a used key the image is only compared.</summary>
    private static async Task<SentImage> TakeAsync(
        Stream content,
        string? mediaType,
        string? owner,
        bool isUsed,
        ExplanationServices services,
        CancellationToken cancellationToken
    )
    {
        if (isUsed)
            return new SentImage(null, await UploadIntake.HashAsync(content, cancellationToken));
        var upload = await services.Intake.KeepAsync(content, mediaType, owner, cancellationToken);
        return new SentImage(upload.Id, upload.Sha256);
    }

    /// <summary>Refuses references that a worker may not read.</summary>
    private static void Check(ImageReference reference, ExplanationServices services)
    {
        try
        {
            services.References.Check(reference);
        }
        catch (ImageException refused)
        {
            throw new InvalidRequestException(
                refused.Message,
                "Refer to an image that the operator allows to be read, or send it as a form."
            );
        }
    }

    private static async Task<Answer> ShowAsync(
        Guid id,
        HttpContext http,
        ExplanationServices services,
        CancellationToken cancellationToken
    ) =>
        await IsRequestAsync(id, services, cancellationToken)
            ? await AnswerAsync(http, services, id, services.Wait(http), cancellationToken)
            : Missing(id);

    private static async Task<Results<NoContent, ProblemHttpResult>> DeleteAsync(
        Guid id,
        ExplanationServices services,
        CancellationToken cancellationToken
    )
    {
        if (!await IsRequestAsync(id, services, cancellationToken) || !await services.Store.Jobs.DeleteAsync(id, cancellationToken))
            return Missing(id);
        services.Admission.Leave(id);
        return TypedResults.NoContent();
    }

    /// <summary>Refuses ids of jobs, which have a first item too.</summary>
    private static async Task<bool> IsRequestAsync(Guid id, ExplanationServices services, CancellationToken cancellationToken) =>
        await services.Store.Chunks.FindClaimAsync(id, cancellationToken) is { Kind: ClaimKind.Request };

    private static async Task<Answer> AnswerAsync(
        HttpContext http,
        ExplanationServices services,
        Guid owner,
        TimeSpan wait,
        CancellationToken cancellationToken
    )
    {
        http.Response.Headers.CacheControl = "no-store";
        if (await services.Waiting.ItemAsync(owner, wait, cancellationToken) is { } item)
        {
            services.Admission.Leave(owner);
            var explanation = item.Explanation is { } id ? await services.Store.Explanations.FindAsync(id, cancellationToken) : null;
            return TypedResults.Ok(
                new RequestView(
                    owner,
                    item.Status == ItemStatus.Completed ? RequestState.Completed : RequestState.Failed,
                    ItemView.Of(item),
                    explanation is null ? null : ExplanationView.Of(explanation)
                )
            );
        }
        if (await services.Store.Chunks.FindAsync(owner, 0, cancellationToken) is not { Request: not null } chunk)
            return Missing(owner);
        http.Response.Headers.RetryAfter = "1";
        return TypedResults.Accepted(
            $"/v1/requests/{owner}",
            new RequestView(owner, chunk.State == ChunkState.Leased ? RequestState.Running : RequestState.Queued)
        );
    }

    /// <summary>Adds the digest, so that an image with a stored explanation is not decoded again.</summary>
    private static ExplainImages Referring(ExplainImages message, SentImage image)
    {
        var reference = message.References[0] with { KnownSha256 = image.Sha256 };
        return message with { References = [image.Upload is { } upload ? reference with { Uri = upload.ToString() } : reference] };
    }

    /// <param name="Upload">Null when the image was not stored.</param>
    private sealed record SentImage(Guid? Upload, Digest Sha256);

    private static ProblemHttpResult Missing(Guid id) =>
        Problem.NotFound($"request {id}", "POST /v1/explanations returns the id of a request; a job is at /v1/jobs/{id}.");
}
