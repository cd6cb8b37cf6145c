using System.Globalization;
using System.Text.RegularExpressions;
using AgCam.Audit.Findings;
using AgCam.Audit.Interventions;

namespace AgCam.Audit.Gates;

/// <summary>
/// A limit on one finding of an audit: a number of images ("label:20"), a share of the scored ones ("label:2%"), or no class that an
/// intervention confirms ("fixed-position:confirmed").
/// </summary>
/// <param name="Finding">Name of the finding.</param>
/// <param name="Limit">Maximum number of images or confirmed classes, or maximum share in percent.</param>
/// <param name="Unit">What is counted.</param>
public sealed partial record Gate(string Finding, double Limit, GateUnit Unit)
{
    private const string Confirmed = "confirmed";

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <param name="text">Gates separated by commas.</param>
    /// <param name="findings">Names of the findings that run.</param>
    /// <exception cref="AuditException">A gate is malformed or names a finding that does not run.</exception>
    public static IReadOnlyList<Gate> Parse(string text, IReadOnlyList<string> findings) =>
        [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(gate => One(gate, findings))];

    /// <summary>Returns the measured value, in the unit of the limit.</summary>
    public double Measured(FindingReport finding) =>
        Unit switch
        {
            GateUnit.Percent => 100 * finding.Share,
            GateUnit.ConfirmedClasses => finding.Candidates(CandidateStatus.Confirmed),
            _ => finding.Count,
        };

    /// <summary>Returns whether the finding counts more than the limit, or something could not be judged or tested.</summary>
    public bool IsViolated(FindingReport finding) => finding.Scored == 0 || Measured(finding) > Limit || Untested(finding) > 0;

    /// <summary>Returns the outcome as a sentence.</summary>
    public string Outcome(FindingReport finding)
    {
        if (finding.Scored == 0)
            return $"{Finding} was not judged, so the gate fails: it needs {finding.Needs}";
        if (Untested(finding) is > 0 and var untested)
            return $"{Finding} has {untested} untested candidates, so the gate fails: they need --confirm and the original images";
        var measured = Measured(finding);
        var unit = Unit switch
        {
            GateUnit.Percent => " %",
            GateUnit.ConfirmedClasses => " confirmed",
            _ => Limit == 1 ? " image" : " images",
        };
        var excess = measured > Limit ? string.Create(Culture, $"above the limit by {measured - Limit:0.##}{unit}") : "within the limit";
        return string.Create(
            Culture,
            $"{Finding} is {measured:0.##}{(Unit == GateUnit.Percent ? " %" : "")}, limit {Limit:0.##}{unit}: {excess}"
        );
    }

    /// <summary>Returns the gate as it is written in options.</summary>
    public override string ToString() =>
        Unit == GateUnit.ConfirmedClasses
            ? $"{Finding}:{Confirmed}"
            : string.Create(Culture, $"{Finding}:{Limit}{(Unit == GateUnit.Percent ? "%" : "")}");

    private int Untested(FindingReport finding) => Unit == GateUnit.ConfirmedClasses ? finding.Candidates(CandidateStatus.Candidate) : 0;

    private static Gate One(string text, IReadOnlyList<string> findings)
    {
        var match = Form().Match(text);
        if (!match.Success)
            throw new AuditException(
                $"The gate \"{text}\" is malformed. A gate is FINDING:LIMIT, such as label:20, label:2% or fixed-position:confirmed."
            );
        var name = match.Groups["finding"].Value;
        if (!findings.Contains(name))
            throw new AuditException($"The gate \"{text}\" names no finding of this audit. Findings: {string.Join(", ", findings)}.");
        if (match.Groups["limit"].Value != Confirmed)
            return new Gate(
                name,
                double.Parse(match.Groups["limit"].Value, CultureInfo.InvariantCulture),
                match.Groups["share"].Length > 0 ? GateUnit.Percent : GateUnit.Images
            );
        return FindingList.Confirmable.Contains(name)
            ? new Gate(name, 0, GateUnit.ConfirmedClasses)
            : throw new AuditException(
                $"The gate \"{text}\" cannot be judged: interventions confirm only {string.Join(", ", FindingList.Confirmable)}."
            );
    }

    [GeneratedRegex(@"^(?<finding>[a-z-]+):((?<limit>[0-9]+(\.[0-9]+)?)(?<share>%?)|(?<limit>confirmed))$")]
    private static partial Regex Form();
}

/// <summary>Unit of a gate.</summary>
public enum GateUnit
{
    /// <summary>Images; classes of a finding about classes.</summary>
    Images,

    Percent,

    /// <summary>Classes that an intervention confirmed.</summary>
    ConfirmedClasses,
}
