using System.Globalization;
using System.Text.RegularExpressions;

namespace AgCam.Audit.Gates;

/// <summary>A limit on one finding of an audit: a number of images ("label:20") or a share of the scored ones ("label:2%").</summary>
/// <param name="Finding">Name of the finding.</param>
/// <param name="Limit">Maximum number of images, or maximum share in percent.</param>
/// <param name="IsShare">True when the limit is a share in percent.</param>
public sealed partial record Gate(string Finding, double Limit, bool IsShare)
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <param name="text">Gates separated by commas.</param>
    /// <param name="findings">Names of the findings that run.</param>
    /// <exception cref="AuditException">A gate is malformed or names a finding that does not run.</exception>
    public static IReadOnlyList<Gate> Parse(string text, IReadOnlyList<string> findings) =>
        [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(gate => One(gate, findings))];

    /// <summary>Returns the measured value, in the unit of the limit.</summary>
    public double Measured(FindingReport finding) => IsShare ? 100 * finding.Share : finding.Count;

    /// <summary>Returns whether the finding counts more than the limit, or could not be judged.</summary>
    public bool IsViolated(FindingReport finding) => finding.Scored == 0 || Measured(finding) > Limit;

    /// <summary>Returns the outcome as a sentence.</summary>
    public string Outcome(FindingReport finding)
    {
        if (finding.Scored == 0)
            return $"{Finding} was not judged, so the gate fails: it needs {finding.Needs}";
        var (measured, unit) = (
            Measured(finding),
            IsShare ? " %"
            : Limit == 1 ? " image"
            : " images"
        );
        var excess = IsViolated(finding) ? string.Create(Culture, $"above the limit by {measured - Limit:0.##}{unit}") : "within the limit";
        return string.Create(Culture, $"{Finding} is {measured:0.##}{(IsShare ? " %" : "")}, limit {Limit:0.##}{unit}: {excess}");
    }

    /// <summary>Returns the gate as it is written in options.</summary>
    public override string ToString() => string.Create(Culture, $"{Finding}:{Limit}{(IsShare ? "%" : "")}");

    private static Gate One(string text, IReadOnlyList<string> findings)
    {
        var match = Form().Match(text);
        if (!match.Success)
            throw new AuditException($"The gate \"{text}\" is malformed. A gate is FINDING:LIMIT, such as label:20 or label:2%.");
        var name = match.Groups["finding"].Value;
        return findings.Contains(name)
            ? new Gate(name, double.Parse(match.Groups["limit"].Value, CultureInfo.InvariantCulture), match.Groups["share"].Length > 0)
            : throw new AuditException($"The gate \"{text}\" names no finding of this audit. Findings: {string.Join(", ", findings)}.");
    }

    [GeneratedRegex(@"^(?<finding>[a-z-]+):(?<limit>[0-9]+(\.[0-9]+)?)(?<share>%?)$")]
    private static partial Regex Form();
}
