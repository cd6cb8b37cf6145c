using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;

namespace AgCam.Api.Security;

internal static class Authorization
{
    /// <summary>Denies a request unless its endpoint names a scope that the caller has, or is declared anonymous.</summary>
    public static void AddSecurity(this IServiceCollection services, ApiOptions options)
    {
        services.AddSingleton(new ApiKeys(options.Keys)).AddSingleton<Ownership>();
        services.AddSingleton(provider => new ImageRate(
            Math.Max(1, options.ImagesPerMinute / options.Replicas),
            provider.GetRequiredService<TimeProvider>()
        ));
        services.AddSingleton(provider => new ByteRate(
            Math.Max(1, options.BytesPerMinute / options.Replicas),
            provider.GetRequiredService<TimeProvider>()
        ));
        services.AddSingleton<BodyLimiter>();
        KeyConcurrency.Add(services, options);
        services
            .AddAuthentication(ApiKeyHandler.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null);
        services.AddAuthorization(authorization =>
        {
            foreach (var scope in Scope.All)
                authorization.AddPolicy(scope, policy => policy.RequireClaim(ApiKeyHandler.ScopeClaim, scope));
            // An unknown address is a 404 (405, 415) for callers with a key. An endpoint without a scope is denied.
            authorization.FallbackPolicy = new AuthorizationPolicyBuilder()
                .RequireAuthenticatedUser()
                .RequireAssertion(context => context.Resource is HttpContext http && http.GetEndpoint() is not RouteEndpoint)
                .Build();
        });
    }

    public static TBuilder Needs<TBuilder>(this TBuilder endpoint, string scope)
        where TBuilder : IEndpointConventionBuilder => endpoint.RequireAuthorization(scope).WithMetadata(new NeededScope(scope));
}
