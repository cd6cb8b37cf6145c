using AgCam.Api.Rendering;
using AgCam.Api.Resources;
using AgCam.Api.Security;
using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace AgCam.Api;

/// <summary>Registers the services of the API and maps its resources.</summary>
public static class AgCamApi
{
    /// <summary>Registers the API; <see cref="PipelineRegistration.AddAgCamPipeline"/> must be registered too.</summary>
    /// <exception cref="OptionsException">An option is out of its range.</exception>
    /// <exception cref="ApiConfigurationException">
    /// Keys are not valid, an address without keys is not loopback, or the certificate cannot be used.
    /// </exception>
    public static void AddAgCamApi(this WebApplicationBuilder builder, ApiOptions options)
    {
        OptionsException.ThrowIfInvalid(options, ApiOptions.Section);
        OptionsException.ThrowIfInvalid(options.Retention, $"{ApiOptions.Section}:Retention");
        if (options.Keys.Count == 0)
            LoopbackOnly.Check(options.Listen);
        ServerCertificate.Check(options);
        var certificate = options.Tls.CertificateFile is null ? null : new ServerCertificate(options.Tls, TimeProvider.System);
        builder.WebHost.UseUrls(options.Listen);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            certificate?.Use(kestrel);
            kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(options.MinUploadBytesPerSecond, TimeSpan.FromSeconds(5));
            kestrel.Limits.MaxRequestBodySize = ExplainRequest.MaxJsonBytes; // upload routes have their own limits
        });

        var services = builder.Services;
        services.AddSingleton(options).AddSingleton(options.Retention);
        services.AddSecurity(options);
        services.AddHealthChecks();
        services.AddApiTelemetry();
        services.AddSingleton(provider => new Admission(
            options.MaxPending,
            options.Keys.Count > 0 ? options.MaxPendingPerKey : options.MaxPending,
            provider.GetRequiredService<IStore>(),
            provider.GetRequiredService<ExplainEvents>(),
            provider.GetRequiredService<TimeProvider>()
        ));
        services.AddSingleton<ReadOriginal>(provider =>
        {
            var reader = provider.GetRequiredService<ReferenceReader>();
            return async (reference, cancellationToken) => (await reader.ReadAsync(reference, cancellationToken)).Bytes;
        });
        services.AddSingleton<PaceSample>().AddSingleton<DryRun>().AddSingleton<DryRunLimiter>();
        services
            .AddSingleton<ResultWaiter>()
            .AddSingleton<UploadIntake>()
            .AddSingleton<ExplanationServices>()
            .AddSingleton<JobServices>()
            .AddSingleton<Originals>()
            .AddSingleton<RenderingServices>();
        services.AddSingleton<Retention>().AddHostedService(provider => provider.GetRequiredService<Retention>());
        services.AddProblemDetails(problems =>
            problems.CustomizeProblemDetails = context => Complete(context.ProblemDetails, context.HttpContext.Request.Path)
        );
        services.AddExceptionHandler<ProblemHandler>();
        services.AddOpenApi("v1", Document.Describe);
        services.Configure<RouteHandlerOptions>(route => route.ThrowOnBadRequest = true);
        services.ConfigureHttpJsonOptions(json => ApiJson.Configure(json.SerializerOptions));
    }

    /// <summary>Maps the resources, one line for each.</summary>
    public static void MapAgCamApi(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        if (!app.Services.GetRequiredService<ApiKeys>().AreConfigured)
            app.UseLoopbackOnly();
        app.UseAuthentication();
        app.UseAuthorization();
        app.Use((http, next) => http.RequestServices.GetRequiredService<Ownership>().InvokeAsync(http, next));
        app.UseKnownCharsets();
        app.UseRateLimiter();
        var bodies = app.Services.GetRequiredService<BodyLimiter>();
        app.Use(next => http => bodies.RunAsync(http, next));

        var v1 = app.MapGroup("/v1");
        v1.MapGroup("").WithTags("Explanations").MapRequests(app.Services.GetRequiredService<ApiOptions>());
        v1.MapGroup("").WithTags("Explanations").MapExplanations();
        v1.MapGroup("").WithTags("Items").MapItems();
        v1.MapGroup("").WithTags("Jobs").MapJobs();
        v1.MapGroup("").WithTags("Audits").MapAudits();
        v1.MapGroup("").WithTags("Models").MapModels();
        v1.MapGroup("").WithTags("Provenance").MapProvenances();
        v1.MapGroup("").WithTags("Uploads").MapUploads(app.Services.GetRequiredService<ApiOptions>());
        app.MapHealth();
        app.MapOpenApi().AllowAnonymous();
        app.MapIndexPage();
        app.MapDocsPage();
    }

    /// <summary>Adds code and next step to the framework's own refusals.</summary>
    private static void Complete(Microsoft.AspNetCore.Mvc.ProblemDetails problem, PathString path)
    {
        if (problem.Status == 404 && MalformedId(path) is { } id)
        {
            problem.Detail = $"\"{id}\" is not an id.";
            problem.Extensions.TryAdd("next", "An id looks like 0198c0de-0000-7000-8000-000000000000.");
        }
        var (code, next) = problem.Status switch
        {
            404 => ("not-found", "See /openapi/v1.json for the addresses."),
            405 => ("method-not-allowed", "See /openapi/v1.json for the methods of this address."),
            408 => ("too-slow", "Send it again over a faster connection, or send a smaller body."),
            413 => ("too-large", "Send less."),
            415 => ("unsupported-media-type", "Send application/json, or a form with an image."),
            _ => ("refused", "Compare the request with /openapi/v1.json."),
        };
        problem.Extensions.TryAdd("code", code);
        problem.Extensions.TryAdd("next", next);
        problem.Detail ??= $"The request was refused: {problem.Title}.";
    }

    /// <summary>Returns the path segment in the place of an id that is not an id; null when there is none.</summary>
    private static string? MalformedId(PathString path) =>
        path.Value?.Split('/') is ["", "v1", "jobs" or "requests" or "uploads" or "items", { Length: > 0 } id, ..]
        && !Guid.TryParse(id, out _)
            ? id
            : null;
}
