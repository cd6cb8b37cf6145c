using System.CommandLine;
using System.Globalization;
using AgCam.Audit;
using AgCam.Audit.Findings;
using AgCam.Audit.Gates;
using AgCam.Audit.Output;
using AgCam.Audit.Predictions;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using AgCam.Labels;

namespace AgCam.Cli.Auditing;

/// <summary>agcam audit: ranks the images of a dataset for review.</summary>
internal sealed class AuditVerb
{
    private readonly Option<string> _predictions = new("--predictions")
    {
        Description =
            "Class probabilities of another program: .npy or .npz [images, classes], or a table with a column per class (CSV, JSON lines, "
            + "Parquet). Cross-validate, so that no model judges the images that it was trained on.",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string?> _labels = new("--labels")
    {
        Description =
            "Given labels: .npy or .npz with a class index per image, or a table with a label column and perhaps a path column. Default: "
            + "the label column of --predictions.",
        HelpName = "FILE",
    };

    private readonly Option<FileInfo?> _classes = new("--classes")
    {
        Description = "Class names by index: one per line, or JSON. Default: the column names of --predictions.",
        HelpName = "FILE",
    };

    private readonly Option<double> _threshold = new("--label-threshold")
    {
        Description = "Probability of the label below which an image counts, when another class is predicted.",
        DefaultValueFactory = _ => 0.2,
        HelpName = "P",
    };

    private readonly Option<string> _top = new("--top")
    {
        Description = "Number of images that a finding lists, worst first, or all.",
        DefaultValueFactory = _ => "20",
        HelpName = "N|all",
    };

    private readonly Option<string?> _failOn = new("--fail-on")
    {
        Description = "Gates, such as label:2% or label:20: exit code 1 when a finding counts more images.",
        HelpName = "GATES",
    };

    private readonly Option<string?> _out = new("--out", "-o")
    {
        Description =
            "Folder for audit.json, findings.csv, findings.jsonl, findings.parquet (cleanlab's column names), corrected-labels.csv, "
            + "metrics.json and junit.xml.",
        HelpName = "DIR",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Prints the report as one JSON object." };

    public static Command Create() => new AuditVerb().Build();

    private Command Build()
    {
        _threshold.Within(0, 1);
        _top.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => !IsTop(token.Value)))
                result.AddError($"--top takes a whole number or all, not \"{token.Value}\".");
        });
        var command = new Command("audit", "Finds images whose label is probably wrong, from class probabilities of any model.")
        {
            _predictions,
            _labels,
            _classes,
            _threshold,
            _top,
            _failOn,
            _out,
            _json,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
        return command.WithExamples(
            new Example("Which labels are probably wrong?", "agcam audit --predictions probs.npy --labels labels.npy"),
            new Example("With class names, and files to work with", "agcam audit --predictions probs.csv --labels labels.csv --out audit"),
            new Example("As a gate in CI", "agcam audit --predictions probs.parquet --fail-on label:2% --out audit")
        );
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var file = parsed.GetValue(_predictions)!;
        using var probabilities = ProbabilityTable.Open(file);
        var labels = parsed.GetValue(_labels) is { } given ? GivenLabels.Open(given, probabilities.HasPaths) : null;
        var names = parsed.GetValue(_classes) is { } list ? ClassNamesFile.Read(list.FullName) : null;
        var rows = new LabelledProbabilities(probabilities, labels, names);
        Finding[] findings = [new LabelFinding(probabilities.Classes, parsed.GetValue(_threshold))];
        var gates = parsed.GetValue(_failOn) is { } text ? Gate.Parse(text, [.. findings.Select(finding => finding.Name)]) : [];
        var auditor = new Auditor(rows.Classes, findings, Top(parsed.GetValue(_top)!));

        AuditReport report;
        if (parsed.GetValue(_out) is { } folder)
        {
            await using var files = new AuditFolder(folder, rows.Classes, findings);
            report = await auditor.RunAsync(() => rows.Read().ToAsyncEnumerable(), files.Add, cancellationToken);
            await files.CompleteAsync(report, file, gates);
        }
        else
        {
            report = await auditor.RunAsync(() => rows.Read().ToAsyncEnumerable(), cancellationToken: cancellationToken);
        }
        Show(parsed, report, rows, gates);
        return gates.Any(gate => gate.IsViolated(report.Findings.Single(finding => finding.Name == gate.Finding)))
            ? ExitCode.Different
            : ExitCode.Success;
    }

    private void Show(ParseResult parsed, AuditReport report, LabelledProbabilities rows, IReadOnlyList<Gate> gates)
    {
        if (parsed.GetValue(_json))
        {
            using var stdout = parsed.Console.OpenOutput();
            ReportJson.Write(stdout, report, parsed.GetValue(_predictions)!, rows.Classes, gates);
            stdout.Write("\n"u8);
            return;
        }
        new AuditText(report, rows, gates, parsed.GetValue(_out)).Write(parsed.Console.Output);
    }

    private static bool IsTop(string text) => text == "all" || int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static int? Top(string text) => text == "all" ? null : int.Parse(text, CultureInfo.InvariantCulture);
}
