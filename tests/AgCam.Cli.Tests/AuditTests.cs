using System.Text.Json;
using System.Xml.Linq;
using AgCam.Images;
using AgCam.Tables;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>Tests `agcam audit` on a small table of probabilities: row 1 is labelled cat, and the model is sure of dog.</summary>
public sealed class AuditTests : IDisposable
{
    private const string Table =
        "path,label,cat,dog\na.jpg,cat,0.9,0.1\nb.jpg,cat,0.01,0.99\nc.jpg,dog,0.2,0.8\n\"=d,\n.jpg\",wolf,0.5,0.5\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-audit-").FullName;

    public AuditTests() => File.WriteAllText(Probabilities, Table);

    private string Probabilities => Path.Combine(_folder, "probs.csv");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Text_shows_the_worst_image_with_its_reason_and_counts_unknown_labels()
    {
        var outcome = Agcam.Run("audit", "--predictions", Probabilities);
        Assert.Equal((0, ""), (outcome.Code, outcome.Errors));
        Assert.Contains("label: 1 of 3 images to review (33.3 %)", outcome.Output, StringComparison.Ordinal);
        Assert.Contains(
            "1  b.jpg\n           labelled cat (1.0 %), but the model says dog (99.0 %)\n",
            outcome.Output,
            StringComparison.Ordinal
        );
        Assert.Contains("1 images have a label that is no class, such as \"wolf\" (1)", outcome.Output, StringComparison.Ordinal);
        Assert.All(
            outcome.Lines,
            line => Assert.True(line.Length <= 80 || line.Contains("corrected-labels", StringComparison.Ordinal), line)
        );
    }

    [Fact]
    public void Json_has_every_image_when_all_are_asked_for()
    {
        var outcome = AgcamProcess.Run("audit", "--predictions", Probabilities, "--json", "--top", "all");
        var report = JsonSerializer.Deserialize<JsonElement>(outcome.Output);
        var finding = report.GetProperty("findings")[0];
        Assert.Equal((4, 3), (report.GetProperty("images").GetInt32(), report.GetProperty("labelled").GetInt32()));
        Assert.Equal(1, finding.GetProperty("count").GetInt32());
        Assert.Equal([1, 2, 0], finding.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("number").GetInt32()));
        Assert.Equal("dog", finding.GetProperty("items")[0].GetProperty("likely").GetProperty("name").GetString());
    }

    [Fact]
    public void Violated_gate_ends_with_exit_code_1_and_says_by_how_much()
    {
        var (within, above) = (Run("label:1"), Run("label:5%"));
        Assert.Equal((0, 1), (within.Code, above.Code));
        Assert.Contains("limit 1 image: within the limit", within.Output, StringComparison.Ordinal);
        Assert.Contains("label is 33.33 %, limit 5 %: above the limit by 28.33 %", above.Output, StringComparison.Ordinal);

        Outcome Run(string gates) => Agcam.Run("audit", "--predictions", Probabilities, "--fail-on", gates);
    }

    [Fact]
    public void Folder_holds_every_score_in_three_formats_that_agree()
    {
        var outcome = Agcam.Run("audit", "--predictions", Probabilities, "--out", Path.Combine(_folder, "out"), "--fail-on", "label:0");
        Assert.Equal(1, outcome.Code);
        string?[][] scores = [.. new[] { "findings.csv", "findings.jsonl", "findings.parquet" }.Select(Scores)];
        Assert.Equal(["0.9", "0.01", "0.8", null], scores[0]);
        Assert.Equal(scores[0], scores[1]);
        Assert.Equal(scores[0], scores[2]);
        Assert.Equal("number,path,given,likely,score\r\n1,b.jpg,cat,dog,0.01\r\n", File.ReadAllText(Out("corrected-labels.csv")));
        Assert.Equal("1", XDocument.Load(Out("junit.xml")).Root!.Element("testsuite")!.Attribute("failures")!.Value);
        Assert.Equal(
            1,
            JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Out("metrics.json"))).GetProperty("label.count").GetInt32()
        );
        Assert.Equal(8, Directory.GetFiles(Path.Combine(_folder, "out")).Length);
    }

    [Fact]
    public void Path_that_a_spreadsheet_would_run_is_written_as_text()
    {
        Agcam.Run("audit", "--predictions", Probabilities, "--out", Path.Combine(_folder, "out"));
        Assert.Contains("3,\"'=d,\n.jpg\",,cat,,", File.ReadAllText(Out("findings.csv")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--top", "some", "--top takes a whole number or all, not \"some\".")]
    [InlineData("--label-threshold", "2", "--label-threshold 2 is out of range: 0 to 1.")]
    [InlineData("--fail-on", "lable:1", "The gate \"lable:1\" names no finding of this audit. Findings: label, confusion.")]
    [InlineData("--findings", "label,lable", "There is no finding \"lable\". Findings: label, exact-duplicate,")]
    [InlineData("--labels", "nowhere.npy", "nowhere.npy cannot be read")]
    public void Bad_option_is_one_line_with_exit_code_2(string option, string value, string message)
    {
        var outcome = Agcam.Run("audit", "--predictions", Probabilities, option, value);
        Assert.Equal((2, ""), (outcome.Code, outcome.Output));
        Assert.Contains(message, outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Row_that_is_no_distribution_leaves_no_files()
    {
        File.AppendAllText(Probabilities, "e.jpg,cat,3,-2\n");
        var outcome = Agcam.Run("audit", "--predictions", Probabilities, "--out", Path.Combine(_folder, "out"));
        Assert.Equal(2, outcome.Code);
        Assert.Contains("row 4: the value of class 0 is 3", outcome.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "out")));
    }

    private string Out(string name) => Path.Combine(_folder, "out", name);

    private string?[] Scores(string name)
    {
        using var stream = new SynchronousFileStream(File.OpenHandle(Out(name)));
        var options = new TableOptions((message, inner) => new InvalidOperationException(message, inner), columns => columns);
        return
        [
            .. AgCam
                .Tables.Table.Read(name, stream, options)
                .Select(row => row.Values.GetValueOrDefault("label_score") is { Length: > 0 } score ? score : null),
        ];
    }
}
