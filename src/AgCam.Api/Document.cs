using AgCam.Api.Security;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace AgCam.Api;

/// <summary>Completes the OpenAPI document with what the types do not say.</summary>
internal static class Document
{
    private const string KeyScheme = "ApiKey";

    public static void Describe(OpenApiOptions options)
    {
        options.AddDocumentTransformer(
            (document, context, _) =>
            {
                document.Info = new OpenApiInfo
                {
                    Title = "AgCam",
                    Version = "v1",
                    Description = "Explains predictions of Vision Transformers: for each image a heatmap, boxes and a provenance record.",
                };
                document.Components ??= new OpenApiComponents();
                if (NeedsKeys(context.ApplicationServices))
                    document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
                    {
                        [KeyScheme] = new OpenApiSecurityScheme
                        {
                            Type = SecuritySchemeType.Http,
                            Scheme = "bearer",
                            Description = "An API key. Scopes: " + string.Join(", ", Security.Scope.All) + ".",
                        },
                    };
                return Task.CompletedTask;
            }
        );
        options.AddOperationTransformer(
            (operation, context, _) =>
            {
                var metadata = context.Description.ActionDescriptor.EndpointMetadata;
                foreach (var name in metadata.OfType<TakenQuery>().SelectMany(taken => taken.Names))
                    (operation.Parameters ??= []).Add(
                        new OpenApiParameter
                        {
                            Name = name,
                            In = ParameterLocation.Query,
                            Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                        }
                    );
                if (metadata.OfType<NeededScope>().LastOrDefault() is { } scope)
                {
                    operation.Description = $"{operation.Description} Scope: {scope.Name}.".TrimStart();
                    if (NeedsKeys(context.ApplicationServices))
                    {
                        var key = new OpenApiSecuritySchemeReference(KeyScheme, context.Document);
                        operation.Security = [new OpenApiSecurityRequirement { [key] = [] }];
                    }
                }
                return Task.CompletedTask;
            }
        );
        options.AddSchemaTransformer(
            (schema, context, _) =>
            {
                if (Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) == typeof(Digest) || context.JsonTypeInfo.Type == typeof(Digest))
                {
                    schema.Type = JsonSchemaType.String;
                    schema.Pattern = "^[0-9a-f]{64}$";
                    schema.Properties?.Clear();
                }
                return Task.CompletedTask;
            }
        );
    }

    /// <summary>Names the security of an operation. Without keys no operation has any.</summary>
    private static bool NeedsKeys(IServiceProvider services) => services.GetRequiredService<ApiKeys>().AreConfigured;
}
