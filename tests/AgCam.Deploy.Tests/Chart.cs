using System.Diagnostics;
using System.Text.Json.Nodes;

namespace AgCam.Deploy.Tests;

/// <summary>The chart, rendered by infra/helm-check.</summary>
internal static class Chart
{
    public const string Skipped = "AGCAM_TEST_SERVICES names no debian.sh, which builds infra/helm-check";

    private static readonly Lazy<string> Program = new(() =>
    {
        var (code, output, errors) = Run(Environment.GetEnvironmentVariable("AGCAM_TEST_SERVICES")!, ["helm-check"]);
        return code == 0 ? output.Trim() : throw new InvalidOperationException($"helm-check was not built: {errors}");
    });

    public static bool CanBeRendered => Environment.GetEnvironmentVariable("AGCAM_TEST_SERVICES") is { Length: > 0 };

    /// <summary>What every installation must name.</summary>
    public const string Least = """
        broker: {existingSecret: agcam-broker}
        store: {existingSecret: agcam-store}
        api: {keys: [{name: anna, sha256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", scopes: [submit, read]}]}
        """;

    /// <param name="values">YAML, each over those before it.</param>
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
            var files = values.Select((text, i) =>
            {
                var file = Path.Combine(folder, $"{i}.yaml");
                File.WriteAllText(file, text);
                return file;
            }).ToArray();
            return Run(Program.Value, [Repository.PathOf("helm", "agcam"), .. files]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (int Code, string Output, string Errors) Run(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.WaitForExit();
        return (process.ExitCode, output.Result, errors.Result);
    }
}
