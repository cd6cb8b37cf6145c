using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace AgCam.Api.Security;

/// <summary>Authenticates callers by <c>Authorization: Bearer KEY</c>. Without configured keys every caller is the local user.</summary>
internal sealed class ApiKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder,
    ApiKeys keys
) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "ApiKey";
    public const string ScopeClaim = "scope";
    public const string LocalName = "local";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (!keys.AreConfigured)
            return Task.FromResult(Success(LocalName, Scope.All));
        if (Presented() is not { } presented)
            return Task.FromResult(AuthenticateResult.NoResult());
        return Task.FromResult(
            keys.Find(presented) is { } key ? Success(key.Name, key.Scopes) : AuthenticateResult.Fail("The key is unknown.")
        );
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = "Bearer";
        return Problem
            .Of(
                StatusCodes.Status401Unauthorized,
                "key-required",
                Presented() is null ? "The request has no API key." : "The API key is unknown.",
                "Send Authorization: Bearer KEY; the operator creates one with `agcam api --new-key NAME`."
            )
            .ExecuteAsync(Context);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        var needed = Context.GetEndpoint()?.Metadata.GetMetadata<NeededScope>()?.Name;
        return Problem
            .Of(
                StatusCodes.Status403Forbidden,
                "scope-missing",
                needed is null
                    ? $"{Request.Method} {Request.Path} has no scope, so it is denied."
                    : $"{Request.Method} {Request.Path} needs the scope {needed}, which the key \"{Context.User.Identity?.Name}\" lacks.",
                "Use a key with this scope; the operator sets the scopes of each key."
            )
            .ExecuteAsync(Context);
    }

    private string? Presented()
    {
        var header = Request.Headers.Authorization.ToString();
        return header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) && header.Length > 7 ? header[7..].Trim() : null;
    }

    private static AuthenticateResult Success(string name, IReadOnlyList<string> scopes)
    {
        var identity = new ClaimsIdentity(SchemeName);
        identity.AddClaim(new Claim(ClaimTypes.Name, name));
        identity.AddClaims((scopes.Contains(Scope.Admin) ? Scope.All : scopes).Select(scope => new Claim(ScopeClaim, scope)));
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }
}

/// <summary>Scope that an endpoint needs: for the 403 answer and the OpenAPI document.</summary>
internal sealed record NeededScope(string Name);
