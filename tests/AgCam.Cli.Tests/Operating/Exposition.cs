using System.Text.RegularExpressions;

namespace AgCam.Cli.Tests.Operating;

/// <summary>Reads metric names with the labels of their series from Prometheus' text format.</summary>
internal static partial class Exposition
{
    public static Dictionary<string, HashSet<string>> Read(string text)
    {
        var metrics = new Dictionary<string, HashSet<string>>();
        foreach (var line in text.Split('\n').Where(line => line.Length > 0 && line[0] != '#'))
        {
            var series = Series().Match(line);
            if (!series.Success)
                throw new FormatException($"This is no line of Prometheus' text format: {line}");
            if (!metrics.TryGetValue(series.Groups[1].Value, out var labels))
                metrics[series.Groups[1].Value] = labels = [];
            labels.UnionWith(Label().Matches(series.Groups[2].Value).Select(label => label.Groups[1].Value));
        }
        return metrics;
    }

    [GeneratedRegex("""^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? \S+( \d+)?$""")]
    private static partial Regex Series();

    [GeneratedRegex("""([a-zA-Z_][a-zA-Z0-9_]*)="(?:[^"\\]|\\.)*""")]
    private static partial Regex Label();
}
