using System.Text.Json;
using System.Text.RegularExpressions;
using AgCam.Api.Security;
using AgCam.Images;
using AgCam.Models;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace AgCam.Api;

/// <summary>
/// Converts exceptions to problem details: 4xx for the caller, 503 for a store that does not answer, 500 without details for a defect.
/// </summary>
internal sealed partial class ProblemHandler(IProblemDetailsService problems, IOptions<JsonOptions> json, ILogger<ProblemHandler> log)
    : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext http, Exception exception, CancellationToken cancellationToken)
    {
        if (http.RequestAborted.IsCancellationRequested && exception is OperationCanceledException or IOException)
            return true; // the client has gone
        var problem = Explain(exception);
        if (problem.Status == StatusCodes.Status500InternalServerError)
            log.LogError(exception, "{Method} {Path} failed", http.Request.Method, http.Request.Path);
        if (problem.Status == StatusCodes.Status503ServiceUnavailable)
        {
            log.LogWarning("{Method} {Path}: {Reason}", http.Request.Method, http.Request.Path, exception.Message);
            http.Response.Headers.RetryAfter = "2";
        }
        http.Response.StatusCode = problem.Status!.Value;
        return await problems.TryWriteAsync(
            new ProblemDetailsContext
            {
                HttpContext = http,
                ProblemDetails = problem,
                Exception = exception,
            }
        );
    }

    private ProblemDetails Explain(Exception exception) =>
        exception switch
        {
            InvalidRequestException invalid => Problem.Details(400, "invalid-request", invalid.Message, invalid.Next),
            CursorException cursor => Problem.Details(400, "wrong-cursor", cursor.Message, "Start again without the cursor."),
            StoreQueryException query => Problem.Details(
                400,
                "not-indexed",
                query.Message,
                "Use a listed combination of filters and sort."
            ),
            InvalidMessageException message => With(
                Problem.Details(400, "invalid-request", message.Message, "Correct the named fields and send the request again."),
                "errors",
                message
                    .Problems.GroupBy(item => item.Field)
                    .ToDictionary(field => field.Key, field => field.Select(item => item.Problem).ToArray())
            ),
            ImageException { Reason: ReferenceFailure.Unreachable } away => Problem.Details(
                503,
                "source-unreachable",
                away.Message,
                "Send the same request again in a moment. If it keeps failing, ask the operator to check the host."
            ),
            ImageException image => With(
                Problem.Details(
                    image.Reason == ImageFailure.TooManyBytes ? 413 : 422,
                    "image-refused",
                    image.Message,
                    "Send another image."
                ),
                "reason",
                image.Reason
            ),
            BadHttpRequestException { StatusCode: 408 } slow => Problem.Details(
                408,
                "too-slow",
                slow.Message,
                "Send it again over a faster connection, or send a smaller body."
            ),
            BadHttpRequestException { StatusCode: 413 } large => Problem.Details(
                413,
                "too-large",
                large.Message,
                "Send a smaller body: detail names the limit."
            ),
            BadHttpRequestException { InnerException: JsonException mistake } => InvalidJson(mistake),
            JsonException mistake => InvalidJson(mistake),
            InvalidDataException form => Problem.Details(
                form.Message.Contains("limit", StringComparison.Ordinal) ? 413 : 400,
                "invalid-form",
                form.Message,
                "Send a form with one image within the limits."
            ),
            BadHttpRequestException bad when WrongDigest().Match(bad.Message) is { Success: true } wrong => Problem.Details(
                400,
                "invalid-request",
                $"\"{wrong.Groups[1].Value}\" is not an id of an explanation.",
                "An id has 64 hexadecimal digits: see \"explanation\" of an item."
            ),
            BadHttpRequestException bad => Problem.Details(
                bad.StatusCode,
                "invalid-request",
                bad.Message,
                "Compare the request with /openapi/v1.json."
            ),
            KeyUsedException used => Problem.Details(
                409,
                "key-used",
                $"The Idempotency-Key was used before. {used.Message}",
                "Use a new key for a new request or job. The same key is only for the same request."
            ),
            NotOwnedException other => Ownership.NotOwned(other.Id).ProblemDetails,
            ModelException model => With(
                Problem.Details(
                    409,
                    "model-unusable",
                    model.Message,
                    "GET /v1/models lists the usable models. The operator must correct this one."
                ),
                "reason",
                model.Reason
            ),
            StoreUnavailableException store => Problem.Details(
                503,
                "store-unavailable",
                store.Message,
                "Try again in a moment; /health/ready shows when it is available."
            ),
            _ => Problem.Details(
                500,
                "internal",
                "The request failed because of a defect of this program.",
                "Report it with the trace id; the log has the details."
            ),
        };

    private ProblemDetails InvalidJson(JsonException mistake) =>
        Problem.Details(
            400,
            "invalid-json",
            JsonMistake.Explain(mistake, json.Value.SerializerOptions),
            "Compare it with the schema in /openapi/v1.json."
        );

    [GeneratedRegex("^Failed to bind parameter \"Digest \\w+\" from \"(.*)\"")]
    private static partial Regex WrongDigest();

    private static ProblemDetails With(ProblemDetails problem, string name, object value)
    {
        problem.Extensions[name] = value;
        return problem;
    }
}
