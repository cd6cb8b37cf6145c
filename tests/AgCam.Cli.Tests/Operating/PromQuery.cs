using System.Text.RegularExpressions;

namespace AgCam.Cli.Tests.Operating;

/// <summary>
/// Parses the metrics and labels of a PromQL expression. Supports the subset of dashboard and alerts, and throws on other syntax.
/// </summary>
/// <param name="Metrics">Metric names, each with the labels of its matchers.</param>
/// <param name="Labels">Labels of the grouping.</param>
internal sealed partial record PromQuery(IReadOnlyList<(string Name, IReadOnlyList<string> Labels)> Metrics, IReadOnlyList<string> Labels)
{
    private static readonly string[] Functions = ["rate", "increase", "sum", "max", "min", "avg", "histogram_quantile"],
        Words = ["and", "or", "by"];

    public static PromQuery Parse(string text)
    {
        var labels = Grouping().Matches(text).SelectMany(by => by.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries)).ToList();
        var rest = Range().Replace(Grouping().Replace(text, " "), " ");
        var metrics = new List<(string, IReadOnlyList<string>)>();
        rest = Selector()
            .Replace(
                rest,
                selector =>
                {
                    var name = selector.Groups[1].Value;
                    if (Functions.Contains(name) || Words.Contains(name))
                        return " ";
                    metrics.Add((name, [.. Matcher().Matches(selector.Groups[2].Value).Select(matcher => matcher.Groups[1].Value)]));
                    return " ";
                }
            );
        if (Understood().Replace(rest, "").Length > 0)
            throw new FormatException($"This is more PromQL than is understood here: {Understood().Replace(rest, "")} in {text}");
        return new PromQuery(metrics, labels);
    }

    [GeneratedRegex(@"\bby\s*\(([^)]*)\)")]
    private static partial Regex Grouping();

    [GeneratedRegex(@"\[(?:\d+[smhd]|\$__rate_interval)\]")]
    private static partial Regex Range();

    [GeneratedRegex("""([a-zA-Z_][a-zA-Z0-9_]*)(?:\{((?:[^"}]|"[^"]*")*)\})?""")]
    private static partial Regex Selector();

    [GeneratedRegex("""([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)\s*"[^"]*""")]
    private static partial Regex Matcher();

    [GeneratedRegex(@"[\s\d.,()<>=+*/-]")]
    private static partial Regex Understood();
}
