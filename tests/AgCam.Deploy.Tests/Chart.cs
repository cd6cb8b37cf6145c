using System.Text.Json.Nodes;

namespace AgCam.Deploy.Tests;

/// <summary>Renders the chart with infra/helm-check.</summary>
internal static class Chart
{
    private static readonly Tool HelmCheck = new("helm-check");

    /// <summary>Required values of every installation.</summary>
    public const string Least = """
        broker: {existingSecret: agcam-broker}
        store: {existingSecret: agcam-store}
        api: {keys: [{name: anna, sha256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", scopes: [submit, read]}]}
        networkPolicy: {broker: {to: [{podSelector: {matchLabels: {app: rabbitmq}}}]}, store: {to: [{ipBlock: {cidr: 10.3.0.0/16}}]}}
        """;

    /// <param name="values">YAML documents; each overrides the earlier ones.</param>
    public static IReadOnlyList<JsonNode> Render(params string[] values)
    {
        var (code, output, errors) = TryRender(values);
        Assert.True(code == 0, errors);
        return [.. JsonNode.Parse(output)!.AsArray().Select(node => node!)];
    }

    public static string Refused(params string[] values)
    {
        var (code, _, errors) = TryRender(values);
        Assert.Equal(1, code);
        return errors;
    }

    public static JsonNode Of(this IReadOnlyList<JsonNode> objects, string kind, string name) =>
        objects.Single(node => (string?)node["kind"] == kind && (string?)node["metadata"]!["name"] == name);

    public static bool Has(this IReadOnlyList<JsonNode> objects, string kind) => objects.Any(node => (string?)node["kind"] == kind);

    private static (int Code, string Output, string Errors) TryRender(string[] values)
    {
        var folder = Directory.CreateTempSubdirectory("agcam-chart-").FullName;
        try
        {
            var files = values
                .Select(
                    (text, i) =>
                    {
                        var file = Path.Combine(folder, $"{i}.yaml");
                        File.WriteAllText(file, text);
                        return file;
                    }
                )
                .ToArray();
            return HelmCheck.Run([Repository.PathOf("helm", "agcam"), .. files]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
