using System.Globalization;
using System.Text.Json;
using AgCam.Audit.Comparison;

namespace AgCam.Audit.Gates;

/// <summary>
/// A limit on one metric of a comparison, in the words of MLflow's MetricThreshold. It judges the bound of the 95 % interval: the lower one
/// where greater is better, else the upper one.
/// </summary>
/// <param name="Metric">Name of the metric.</param>
public sealed record MetricGate(string Metric)
{
    private const string Form =
        "A gate is METRIC:LIMIT or METRIC:threshold=0.8:min_absolute_change=0.1:min_relative_change=0.1:greater_is_better=true.";

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>Limit of the value.</summary>
    public double? Threshold { get; init; }

    /// <summary>Minimum of value - baseline; baseline - value where smaller is better. A negative number allows a loss.</summary>
    public double? MinAbsoluteChange { get; init; }

    /// <summary>Minimum change as a share of the baseline. A negative number allows a loss.</summary>
    public double? MinRelativeChange { get; init; }

    /// <summary>Null for the direction of the metric.</summary>
    public bool? GreaterIsBetter { get; init; }

    /// <summary>Parses gates separated by commas, or the JSON file that the text names.</summary>
    /// <param name="metrics">Names of the metrics of the comparison.</param>
    /// <exception cref="AuditException">A gate is malformed or names an unknown metric, or the file cannot be read.</exception>
    public static IReadOnlyList<MetricGate> Parse(string text, IReadOnlyList<string> metrics)
    {
        var gates = text.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
            ? OfFile(text)
            : [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(OfText)];
        foreach (var gate in gates)
        {
            if (!metrics.Contains(gate.Metric))
                throw new AuditException($"The gate \"{gate}\" names no metric of this comparison. Metrics: {string.Join(", ", metrics)}.");
            if (gate.Threshold is null && gate.MinAbsoluteChange is null && gate.MinRelativeChange is null)
                throw new AuditException($"The gate \"{gate}\" has no limit. {Form}");
        }
        return gates;
    }

    /// <summary>Judges the gate. A metric without a value violates it, so that nothing passes because something was missing.</summary>
    public GateOutcome Judge(ComparedMetric metric)
    {
        if (metric.Value is not { } value)
            return new GateOutcome(ToString(), true, $"{Metric} was not judged, so the gate fails: {metric.Missing}");
        var greater = GreaterIsBetter ?? metric.GreaterIsBetter;
        List<(bool IsViolated, string Text)> checks = [];
        if (Threshold is { } threshold)
            checks.Add(Check("", greater, greater ? value.Low : value.High, threshold));
        if (MinAbsoluteChange is { } absolute)
            checks.Add(Change(metric, greater, "change", absolute, metric.Baseline is null ? null : 1));
        if (MinRelativeChange is { } relative)
            checks.Add(Change(metric, greater, "relative change", relative, metric.Baseline is 0 ? null : metric.Baseline));
        return new GateOutcome(
            ToString(),
            checks.Any(check => check.IsViolated),
            string.Create(Culture, $"{Metric} is {value.Mean:0.####} ({value.Low:0.####} to {value.High:0.####}): ")
                + string.Join("; ", checks.Select(check => check.Text))
        );
    }

    /// <summary>Returns the gate as it is written in options.</summary>
    public override string ToString() =>
        Metric
        + Setting("threshold", Threshold)
        + Setting("min_absolute_change", MinAbsoluteChange)
        + Setting("min_relative_change", MinRelativeChange)
        + (GreaterIsBetter is { } greater ? $":greater_is_better={(greater ? "true" : "false")}" : "");

    private static string Setting(string name, double? value) => value is { } number ? string.Create(Culture, $":{name}={number}") : "";

    /// <param name="unit">Size of a change of 1; null where there is none.</param>
    private static (bool, string) Change(ComparedMetric metric, bool greater, string name, double limit, double? unit)
    {
        if (metric.Change is not { } change || unit is not { } size)
            return (true, $"it has no {name} to judge, because it has no baseline{(metric.Baseline is 0 ? " above 0" : "")}");
        var gain = greater ? change.Low / size : -change.High / size; // the bound of what got better
        return Check($"{name} ", true, gain, limit);
    }

    private static (bool, string) Check(string name, bool greater, double bound, double limit)
    {
        var isViolated = greater ? bound < limit : bound > limit;
        var which = greater ? "lower" : "upper";
        var (side, word) = greater ? ("at least", "below") : ("at most", "above");
        return (
            isViolated,
            string.Create(Culture, $"{name}{which} bound {bound:0.####}, {side} {limit:0.####} allowed")
                + (isViolated ? string.Create(Culture, $", {word} the limit by {Math.Abs(bound - limit):0.####}") : ", within the limit")
        );
    }

    private static MetricGate OfText(string text)
    {
        var parts = text.Split(':');
        var gate = new MetricGate(parts[0]);
        if (parts.Length < 2)
            throw Malformed(text);
        foreach (var part in parts.Skip(1))
            gate = part.Split('=') switch
            {
                [var limit] when parts.Length == 2 => gate with { Threshold = Number(text, limit) },
                ["threshold", var limit] => gate with { Threshold = Number(text, limit) },
                ["min_absolute_change", var limit] => gate with { MinAbsoluteChange = Number(text, limit) },
                ["min_relative_change", var limit] => gate with { MinRelativeChange = Number(text, limit) },
                ["greater_is_better", "true" or "false"] => gate with { GreaterIsBetter = part.EndsWith("true", StringComparison.Ordinal) },
                _ => throw Malformed(text),
            };
        return gate;
    }

    private static double Number(string gate, string text) =>
        double.TryParse(text, NumberStyles.Float, Culture, out var number) && double.IsFinite(number) ? number : throw Malformed(gate);

    private static AuditException Malformed(string gate) => new($"The gate \"{gate}\" is malformed. {Form}");

    private static List<MetricGate> OfFile(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return [.. document.RootElement.EnumerateObject().Select(gate => OfJson(path, gate))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new AuditException(
                $"The gates in {path} cannot be read: {e.Message} The file is one JSON object: a metric's name, then an object with "
                    + "threshold, min_absolute_change, min_relative_change and greater_is_better.",
                e
            );
        }
    }

    private static MetricGate OfJson(string path, JsonProperty gate)
    {
        var result = new MetricGate(gate.Name);
        foreach (var setting in gate.Value.EnumerateObject())
            result = setting.Name switch
            {
                _ when setting.Value.ValueKind == JsonValueKind.Null => result,
                "threshold" => result with { Threshold = setting.Value.GetDouble() },
                "min_absolute_change" => result with { MinAbsoluteChange = setting.Value.GetDouble() },
                "min_relative_change" => result with { MinRelativeChange = setting.Value.GetDouble() },
                "greater_is_better" => result with { GreaterIsBetter = setting.Value.GetBoolean() },
                _ => throw new AuditException(
                    $"The gate {gate.Name} in {path} has the unknown setting \"{setting.Name}\". Settings: threshold, min_absolute_change, "
                        + "min_relative_change, greater_is_better."
                ),
            };
        return result;
    }
}

/// <summary>Outcome of a gate.</summary>
/// <param name="Gate">The gate as it is written in options.</param>
/// <param name="Text">Sentence that says by how much.</param>
public sealed record GateOutcome(string Gate, bool IsViolated, string Text);
