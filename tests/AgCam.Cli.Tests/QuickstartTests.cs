using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>Tests `agcam quickstart` with half of its scenes.</summary>
public sealed partial class QuickstartTests(QuickstartTests.Ended ended) : IClassFixture<QuickstartTests.Ended>
{
    [Theory]
    [InlineData("label", 0.5, 0.9)] // the model errs in some pictures, and agrees with some wrong labels
    [InlineData("exact-duplicate", 1, 1)]
    [InlineData("re-encoded-duplicate", 0.98, 0.98)]
    [InlineData("near-duplicate", 0.9, 0.5)]
    [InlineData("split-leak", 0.98, 0.8)]
    [InlineData("low-information", 1, 1)]
    [InlineData("dark", 0.9, 0.95)]
    [InlineData("blurry", 0.9, 0.95)]
    public void Finding_finds_what_was_planted(string finding, double precision, double recall)
    {
        var row = ended.Outcome.Lines.Single(line => line.StartsWith(finding + " ", StringComparison.Ordinal)).Trim();
        var numbers = Spaces().Split(row)[^2..].Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToList();
        Assert.True(numbers[0] >= precision && numbers[1] >= recall, row);
    }

    [Fact]
    public void Shortcut_is_confirmed_with_its_flip_rate_at_80_columns()
    {
        Assert.Equal(0, ended.Outcome.Code);
        var text = ended.Outcome.Output.ReplaceLineEndings(" ");
        Assert.Matches(
            @"Confirmed on the model: fish, pasted into \d+ images of other classes the patches flip \d+ % \(\d+ to \d+\)",
            text
        );
        Assert.DoesNotContain("; ring,", text, StringComparison.Ordinal);
        Assert.All(
            ended.Outcome.Lines,
            line => Assert.True(line.Length <= 80 || line.Contains(ended.Folder, StringComparison.Ordinal), line)
        );
    }

    [Fact]
    public void Folder_holds_the_dataset_the_planted_faults_and_the_results()
    {
        var planted = JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Path.Combine(ended.Folder, "planted-faults.json")));
        var manifest = File.ReadAllLines(Path.Combine(ended.Folder, "manifest.csv")).Skip(1).ToDictionary(row => row.Split(',')[0]);
        Assert.Equal(manifest.Count, Directory.GetFiles(Path.Combine(ended.Folder, "images")).Length);
        var wrong = planted.GetProperty("wrongLabels")[0];
        Assert.Equal(wrong.GetProperty("given").GetString(), manifest[wrong.GetProperty("path").GetString()!].Split(',')[1]);
        Assert.NotEqual(wrong.GetProperty("given").GetString(), wrong.GetProperty("true").GetString());
        var copy = planted.GetProperty("exact").EnumerateArray().First(copied => copied.GetProperty("leaks").GetBoolean());
        var (path, original) = (copy.GetProperty("path").GetString()!, copy.GetProperty("original").GetString()!);
        Assert.Equal(File.ReadAllBytes(Path.Combine(ended.Folder, path)), File.ReadAllBytes(Path.Combine(ended.Folder, original)));
        Assert.NotEqual(manifest[path].Split(',')[2], manifest[original].Split(',')[2]);
        Assert.True(File.Exists(Path.Combine(ended.Folder, "audit", "report.html")));
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(ended.Folder, "audit", "interventions"), "fixed-position-9-fish-*.png"));
    }

    [Fact]
    public void Next_command_audits_the_same_dataset_without_explaining()
    {
        var command = ended.Outcome.Lines.Single(line =>
            line.StartsWith("  agcam audit", StringComparison.Ordinal) && line.Contains("--store")
        );
        var outcome = AgcamProcess.Run([.. command.Trim().Split(' ')[1..], "--findings", "dark", "--confirm", "0"]);
        Assert.Equal(0, outcome.Code);
        Assert.Contains("dark: 12 of 336 images to review", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_with_other_files_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["mine.txt"], "mine");
        var outcome = Agcam.Run("quickstart", "--out", folder.Path);
        Assert.Equal((2, ""), (outcome.Code, outcome.Output));
        Assert.Contains("has other files. Name a new folder with --out.", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(folder["mine.txt"]));
    }

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();

    public sealed class Ended : IDisposable
    {
        public Ended() => Outcome = AgcamProcess.Run("quickstart", "--count", "300", "--out", Folder);

        public string Folder { get; } = Path.Combine(Directory.CreateTempSubdirectory("agcam-quickstart-").FullName, "q");

        internal Outcome Outcome { get; }

        public void Dispose() => Directory.Delete(Path.GetDirectoryName(Folder)!, recursive: true);
    }
}
