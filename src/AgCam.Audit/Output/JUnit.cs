using System.Xml.Linq;
using AgCam.Audit.Gates;

namespace AgCam.Audit.Output;

/// <summary>Writes gates as JUnit test cases: one per gate, failed where it is violated.</summary>
internal static class JUnit
{
    public static void Write(Stream to, AuditReport report, IReadOnlyList<Gate> gates)
    {
        var cases = gates.Select(gate => Case(gate, report.Findings.Single(finding => finding.Name == gate.Finding))).ToList();
        var failures = cases.Count(gate => gate.Element("failure") is not null);
        new XDocument(
            new XElement(
                "testsuites",
                new XElement(
                    "testsuite",
                    new XAttribute("name", "agcam audit"),
                    new XAttribute("tests", cases.Count),
                    new XAttribute("failures", failures),
                    new XAttribute("errors", 0),
                    cases
                )
            )
        ).Save(to);
    }

    private static XElement Case(Gate gate, FindingReport finding)
    {
        var test = new XElement("testcase", new XAttribute("classname", "agcam.audit"), new XAttribute("name", gate.ToString()));
        if (gate.IsViolated(finding))
            test.Add(new XElement("failure", new XAttribute("message", gate.Outcome(finding)), finding.Rule));
        return test;
    }
}
