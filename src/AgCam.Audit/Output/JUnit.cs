using System.Xml.Linq;
using AgCam.Audit.Gates;

namespace AgCam.Audit.Output;

/// <summary>Writes gates as JUnit test cases: one per gate, failed where it is violated.</summary>
internal static class JUnit
{
    public static void Write(Stream to, AuditReport report, IReadOnlyList<Gate> gates) =>
        Write(to, "audit", gates.Select(gate => Case(gate, report.Findings.Single(finding => finding.Name == gate.Finding))));

    public static void Write(Stream to, IReadOnlyList<GateOutcome> gates) =>
        Write(to, "compare", gates.Select(gate => Case("compare", gate.Gate, gate.IsViolated ? gate.Text : null, "")));

    private static void Write(Stream to, string verb, IEnumerable<XElement> gates)
    {
        var cases = gates.ToList();
        var failures = cases.Count(gate => gate.Element("failure") is not null);
        new XDocument(
            new XElement(
                "testsuites",
                new XElement(
                    "testsuite",
                    new XAttribute("name", $"agcam {verb}"),
                    new XAttribute("tests", cases.Count),
                    new XAttribute("failures", failures),
                    new XAttribute("errors", 0),
                    cases
                )
            )
        ).Save(to);
    }

    private static XElement Case(Gate gate, FindingReport finding) =>
        Case("audit", gate.ToString(), gate.IsViolated(finding) ? gate.Outcome(finding) : null, finding.Rule);

    /// <param name="failure">What failed; null where the gate holds.</param>
    private static XElement Case(string verb, string name, string? failure, string detail)
    {
        var test = new XElement("testcase", new XAttribute("classname", $"agcam.{verb}"), new XAttribute("name", name));
        if (failure is not null)
            test.Add(new XElement("failure", new XAttribute("message", failure), detail));
        return test;
    }
}
