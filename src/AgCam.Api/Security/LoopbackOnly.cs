using System.Net;

namespace AgCam.Api.Security;

/// <summary>
/// Restricts the API to this machine when no keys are configured. A web page in a local browser can also reach loopback, by a form or by
/// DNS rebinding. So the host name must be loopback and the request must not come from another site.
/// </summary>
internal static class LoopbackOnly
{
    public static IApplicationBuilder UseLoopbackOnly(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
                Refusal(http) is not { } reason
                    ? next(http)
                    : Problem
                        .Of(
                            StatusCodes.Status403Forbidden,
                            "loopback-only",
                            $"No API keys are configured, so only programs on this machine may call; {reason}.",
                            "Call it as http://127.0.0.1, or configure keys (Api:Keys)."
                        )
                        .ExecuteAsync(http)
        );

    /// <exception cref="ApiConfigurationException">No keys are configured, and an address is not loopback.</exception>
    public static void Check(string listen)
    {
        foreach (var address in listen.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || !IsLoopback(uri.Host))
                throw new ApiConfigurationException(
                    $"Api:Listen {address}: without API keys the API listens on loopback only. Take http://127.0.0.1:8080, or "
                        + $"draw a key with `agcam api --new-key NAME`."
                );
    }

    private static string? Refusal(HttpContext http)
    {
        if (http.Connection.RemoteIpAddress is { } address && !IPAddress.IsLoopback(address))
            return $"{address} is another machine";
        if (!IsLoopback(http.Request.Host.Host))
            return $"the host name \"{http.Request.Host.Host}\" is not loopback's";
        var origin = http.Request.Headers.Origin.ToString();
        if (
            origin.Length > 0
            && !(
                Uri.TryCreate(origin, UriKind.Absolute, out var from)
                && from.Authority == http.Request.Host.Value
                && from.Scheme == http.Request.Scheme
            )
        )
            return $"a page of {origin} sent the request";
        return http.Request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site"
            ? "a page of another site sent the request"
            : null;
    }

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address);
}
