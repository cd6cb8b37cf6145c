using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace AgCam.Deploy.Tests;

/// <summary>Checks that every value of the chart is described, in the schema and in the README's table.</summary>
public sealed partial class ChartValuesTests
{
    private const string Begin = "| value | default | |\n|---|---|---|\n";

    private static readonly IReadOnlyList<(string Name, string Value, string Text)> Values = Read();

    /// <summary>Writes the table instead when AGCAM_UPDATE is 1.</summary>
    [Fact]
    public void Table_of_the_README_equals_the_comments_of_the_values()
    {
        var table = new StringBuilder(Begin);
        foreach (var (name, value, text) in Values)
            table.Append($"| `{name}` | `{value}` | {text.Replace("|", "\\|")} |\n");
        var path = Repository.PathOf("helm", "agcam", "README.md");
        var readme = File.ReadAllText(path);
        var (from, to) = (
            readme.IndexOf(Begin, StringComparison.Ordinal),
            readme.IndexOf("\n\n", readme.IndexOf(Begin, StringComparison.Ordinal), StringComparison.Ordinal) + 1
        );
        if (Environment.GetEnvironmentVariable("AGCAM_UPDATE") is "1")
            File.WriteAllText(path, readme = string.Concat(readme.AsSpan(0, from), table.ToString(), readme.AsSpan(to)));
        Assert.True(readme.Contains(table.ToString() + "\n"), $"{path} differs from values.yaml; run this test with AGCAM_UPDATE=1.");
    }

    [Fact]
    public void Every_value_is_described()
    {
        Assert.True(Values.Count > 50);
        Assert.DoesNotContain(Values, value => value.Text.Length == 0);
    }

    [Fact]
    public void Schema_contains_exactly_the_values()
    {
        var schema = JsonNode.Parse(Repository.Read("helm", "agcam", "values.schema.json"))!;
        Assert.Equal(
            Values.Select(value => value.Name).Order(StringComparer.Ordinal),
            Leaves("", schema).Except(["global"]).Distinct().Order(StringComparer.Ordinal)
        );

        IEnumerable<string> Leaves(string path, JsonNode node) =>
            node["properties"] is JsonObject properties && !Values.Any(value => value.Name == path)
                ? properties.SelectMany(property => Leaves(path.Length == 0 ? property.Key : $"{path}.{property.Key}", property.Value!))
                : [path];
    }

    [Fact]
    public void Defaults_of_the_chart_equal_those_of_the_program()
    {
        var (pipeline, worker) = (new Pipeline.PipelineOptions(), new Worker.WorkerOptions());
        Assert.Equal($"{worker.DrainSeconds}", Default("drain.workerSeconds"));
        Assert.Equal($"{pipeline.ConsumerStopSeconds}", Default("drain.consumerStopSeconds"));
        Assert.Equal($"{pipeline.StopSeconds}", Default("drain.stopSeconds"));
        Assert.Equal($"{pipeline.ShutdownSeconds}", Default("drain.shutdownSeconds"));
        Assert.Equal($"{worker.MaxBatch}", Default("worker.maxBatch"));
        Assert.Equal(pipeline.Prefix, Default("broker.prefix"));
        Assert.Equal(pipeline.Database, Default("store.database"));

        static string Default(string name) => Values.Single(value => value.Name == name).Value;
    }

    /// <summary>
    /// Reads the values. A value is a key after a comment that begins with "# --", or a key with a value on its line. The indented lines
    /// below it belong to it.
    /// </summary>
    private static List<(string, string, string)> Read()
    {
        var values = new List<(string, string, string)>();
        var path = new List<string>();
        var (text, part) = ("", int.MaxValue);
        foreach (var line in Repository.Read("helm", "agcam", "values.yaml").Split('\n'))
        {
            var depth = line.Length - line.TrimStart().Length;
            if (Comment().Match(line) is { Success: true } comment)
                text = comment.Groups[1].Value;
            else if (Key().Match(line) is { Success: true } key && depth <= part)
            {
                path = [.. path.Take(depth / 2), key.Groups[1].Value];
                part = int.MaxValue;
                var value = key.Groups[2].Value;
                if (value.Length == 0 && text.Length == 0)
                    continue; // a group
                values.Add((string.Join('.', path), value.Length == 0 ? "…" : value, text));
                text = "";
                part = value.Length == 0 ? depth : int.MaxValue;
            }
        }
        return values;
    }

    [GeneratedRegex("^ *# -- (.+)$")]
    private static partial Regex Comment();

    [GeneratedRegex("^ *([A-Za-z]+): *(.*)$")]
    private static partial Regex Key();
}
