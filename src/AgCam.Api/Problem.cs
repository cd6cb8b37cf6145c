using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.WebUtilities;

namespace AgCam.Api;

/// <summary>
/// Builds problem details (RFC 9457): <c>detail</c> names the thing and the reason, <c>next</c> the next step. <c>code</c> is stable.
/// </summary>
internal static class Problem
{
    public static ProblemHttpResult Of(int status, string code, string detail, string next) =>
        TypedResults.Problem(Details(status, code, detail, next));

    public static ProblemDetails Details(int status, string code, string detail, string next) =>
        new()
        {
            Status = status,
            Type = $"urn:agcam:problem:{code}",
            Title = ReasonPhrases.GetReasonPhrase(status),
            Detail = detail,
            Extensions = { ["code"] = code, ["next"] = next },
        };

    public static ProblemHttpResult NotFound(string what, string next) =>
        Of(StatusCodes.Status404NotFound, "not-found", $"There is no {what}.", next);

    public static ProblemHttpResult Invalid(string detail, string next) =>
        Of(StatusCodes.Status400BadRequest, "invalid-request", detail, next);

    public static ProblemHttpResult Conflict(string code, string detail, string next) =>
        Of(StatusCodes.Status409Conflict, code, detail, next);

    /// <summary>Answers that the request may be repeated later, and sets Retry-After.</summary>
    public static ProblemHttpResult Later(HttpContext http, int status, string code, string detail, TimeSpan after)
    {
        var seconds = Math.Max(1, (int)Math.Ceiling(after.TotalSeconds));
        http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return Of(status, code, detail, $"Send the same request again in {seconds} s.");
    }
}

/// <summary>A parameter is not valid. Answered as 400.</summary>
internal sealed class InvalidRequestException(string detail, string next) : Exception(detail)
{
    public string Next { get; } = next;
}
