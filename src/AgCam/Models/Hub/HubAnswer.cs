using System.Net;

namespace AgCam.Models.Hub;

/// <summary>Maps the Hub's HTTP status to an error with a next step.</summary>
internal static class HubAnswer
{
    /// <exception cref="HubBusyException">429 and 5xx, which may be retried.</exception>
    /// <exception cref="ModelException">Every other error status.</exception>
    public static void Require(HttpResponseMessage response, HubId id, string? file, HubOptions options)
    {
        if (response.IsSuccessStatusCode)
            return;
        var status = (int)response.StatusCode;
        if (status is 429 or >= 500)
        {
            var after = response.Headers.RetryAfter;
            throw new HubBusyException(
                $"the server returned {status}",
                after?.Delta ?? (after?.Date is { } date ? date - DateTimeOffset.UtcNow : null)
            );
        }

        var code = response.Headers.TryGetValues("X-Error-Code", out var codes) ? codes.FirstOrDefault() : null;
        var page = $"{options.Endpoint}/{id.Repo}";
        throw (response.StatusCode, code) switch
        {
            (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden, "GatedRepo") => new ModelException(
                response.StatusCode == HttpStatusCode.Unauthorized ? ModelFailure.HubUnauthorized : ModelFailure.HubForbidden,
                $"{id.Repo} is gated: accept its conditions at {page}, then set HF_TOKEN to a token of the account that accepted them."
            ),
            (HttpStatusCode.Unauthorized, _) => new ModelException(
                ModelFailure.HubUnauthorized,
                options.Token is null
                    ? $"{id.Repo} does not exist on {options.Endpoint}, or is private. "
                        + "Check the name; for a private model set HF_TOKEN to a token that may read it."
                    : $"{options.Endpoint} rejected HF_TOKEN for {id.Repo}. "
                        + $"Check the name and the token ({DefaultTokenPage(options)})."
            ),
            (HttpStatusCode.Forbidden, _) => new ModelException(
                ModelFailure.HubForbidden,
                $"The account of HF_TOKEN may not read {id.Repo}. Request access at {page}, or use another token."
            ),
            (HttpStatusCode.NotFound, "RevisionNotFound") => new ModelException(
                ModelFailure.HubNotFound,
                $"{id.Repo} has no revision {id.Revision}. See its branches and tags at {page}."
            ),
            (HttpStatusCode.NotFound, _) => new ModelException(
                ModelFailure.HubNotFound,
                file is null
                    ? $"{id} was not found on {options.Endpoint}. Check the name and the revision."
                    : $"{id} has no {file}. See its files at {page}/tree/{id.Revision}."
            ),
            _ => new ModelException(
                ModelFailure.HubBadAnswer,
                $"{options.Endpoint} returned {status} for {id}{(file is null ? "" : $", {file}")}. Check HF_ENDPOINT."
            ),
        };
    }

    private static string DefaultTokenPage(HubOptions options) => $"{options.Endpoint}/settings/tokens";
}
