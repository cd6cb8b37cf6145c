using Xunit;

namespace AgCam.Cli.Tests;

public class UsageTests
{
    [Theory]
    [InlineData("explain")]
    [InlineData("explain a.jpg --model nowhere/at/all")]
    [InlineData("explain a.jpg --model MODEL --threshold 2")]
    [InlineData("explain a.jpg --model MODEL --batch 0")]
    [InlineData("explain a.jpg --model MODEL --device tpu")]
    [InlineData("explain a.jpg --model MODEL --device cuda:99")]
    [InlineData("explain a.jpg --model MODEL --dtype int4")]
    [InlineData("explain a.jpg --model MODEL --target zebra")]
    [InlineData("explain a.jpg --model MODEL --target label")]
    [InlineData("explain a.jpg --model MODEL --target predicted-vs-label")]
    [InlineData("explain a.jpg --model MODEL --mean 1,2")]
    [InlineData("explain a.jpg --model MODEL --save overlay")]
    [InlineData("explain a.jpg --model MODEL --class-in-names")]
    [InlineData("explain a.jpg --model MODEL --class-in-names --out x --save none")]
    [InlineData("explain a.jpg --model MODEL --colormap heat")]
    [InlineData("explain a.jpg --model MODEL --colormap diverging")]
    [InlineData("explain a.jpg --model MODEL --labels no.csv")]
    [InlineData("explain a.jpg --model MODEL --classes no.txt")]
    [InlineData("explain a.jpg --model MODEL --frobnicate")]
    [InlineData("models verify MODEL")]
    [InlineData("models verify MODEL --against no.safetensors")]
    [InlineData("jobs rm")]
    [InlineData("jobs rm --tag nightly")]
    [InlineData("jobs rm --older-than 30")]
    [InlineData("jobs rm --older-than -1d")]
    [InlineData("jobs rm --older-than 99999999d")]
    [InlineData("jobs rm 0198c0de-0000-7000-8000-000000000000 --older-than 30d")]
    [InlineData("jobs rm 0198c0de-0000-7000-8000-000000000000 --dry-run")]
    [InlineData("frobnicate")]
    public void Usage_error_is_one_line_and_exit_2(string line)
    {
        var outcome = Agcam.Run(line.Replace("MODEL", SomeImages.Model, StringComparison.Ordinal).Split(' '));
        Assert.Equal(2, outcome.Code);
        Assert.StartsWith("agcam: ", outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("internal error", outcome.Errors, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Fact]
    public void Empty_folder_is_reported()
    {
        using var folder = new TemporaryFolder();
        var outcome = Agcam.Run("explain", folder.Path, "--model", SomeImages.Model);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("holds none", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Empty_list_on_stdin_is_reported_as_empty()
    {
        var outcome = AgcamProcess.Run(["explain", "-", "--model", SomeImages.Model], "");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("the list on stdin is empty", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_given_as_labels_is_answered_with_parent()
    {
        using var folder = SomeImages.Folder(1);
        var outcome = Agcam.Run("explain", folder.Path, "--model", SomeImages.Model, "--labels", folder.Path);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("--labels takes a file. Did you mean --labels parent", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Class_index_that_the_model_does_not_have_is_answered_with_the_range()
    {
        using var folder = SomeImages.Folder(1);
        var outcome = Agcam.Run("explain", folder.Path, "--model", SomeImages.Model, "--target", "1000000");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("class indices go from 0 to ", outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("m.csv")]
    [InlineData("m.jsonl")]
    [InlineData("M.PARQUET")]
    public void Table_given_as_an_image_is_answered_with_manifest(string name)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder[name], "path,label\n");
        var outcome = Agcam.Run("submit", folder[name], "--url", "http://127.0.0.1:9");
        Assert.Equal(2, outcome.Code);
        Assert.Contains($"{folder[name]} is a table: submit manifest:{folder[name]}", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Unreachable_hub_is_exit_4()
    {
        using var folder = new TemporaryFolder();
        var outcome = AgcamProcess.Run(
            ["models", "pull", "org/name"],
            "",
            ("HF_ENDPOINT", "http://127.0.0.1:9"),
            ("HF_HOME", folder.Path),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "1"),
            ("HF_HUB_OFFLINE", "0")
        );
        Assert.Equal(4, outcome.Code);
        Assert.StartsWith("agcam: ", outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("explain")]
    [InlineData("models pull")]
    [InlineData("models import")]
    [InlineData("models verify")]
    [InlineData("completion")]
    public void Help_ends_with_examples(string verb)
    {
        var outcome = Agcam.Run([.. verb.Split(' '), "--help"]);
        Assert.Equal(0, outcome.Code);
        Assert.Contains("Examples:", outcome.Output, StringComparison.Ordinal);
        Assert.Contains($"agcam {verb}", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_is_not_animated_without_a_terminal()
    {
        using var folder = SomeImages.Folder(3);
        var outcome = AgcamProcess.Run("explain", folder.Path, "--model", SomeImages.Model);
        Assert.DoesNotContain('\e', outcome.Output + outcome.Errors);
        Assert.DoesNotContain('\r', outcome.Output + outcome.Errors);
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public void Completion_scripts_call_agcam(string shell) =>
        Assert.Contains("[suggest:", Agcam.Run("completion", shell).Output, StringComparison.Ordinal);

    [Fact]
    public void Options_are_suggested() => Assert.Contains("--target", AgcamProcess.Run("[suggest:17]", "agcam explain --ta").Lines);

    [Fact]
    public void Bash_script_completes()
    {
        using var folder = new TemporaryFolder();
        File.CreateSymbolicLink(folder["agcam"], AgcamProcess.Program);
        var start = new System.Diagnostics.ProcessStartInfo("bash") { RedirectStandardOutput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(
            $"source <({AgcamProcess.Program} completion bash); COMP_WORDS=({AgcamProcess.Program} exp); COMP_CWORD=1; "
                + $"COMP_LINE='agcam exp'; COMP_POINT=9; _agcam; echo \"${{COMPREPLY[@]}}\""
        );
        using var bash = System.Diagnostics.Process.Start(start)!;
        Assert.Equal("explain", bash.StandardOutput.ReadToEnd().Trim());
    }
}
