using System.Runtime.InteropServices;
using Xunit;

namespace AgCam.Cli.Tests;

public class InterruptionTests
{
    private const int Sigint = 2,
        Sigterm = 15;

    [Theory]
    [InlineData(Sigint)]
    [InlineData(Sigterm)]
    public void First_signal_drains_and_the_next_run_finishes(int signal)
    {
        using var folder = new TemporaryFolder();
        using var images = SomeImages.Folder(1);
        string[] arguments =
        [
            "explain",
            "-",
            "--model",
            SomeImages.Model,
            "--out",
            folder["out"],
            "--save",
            "none",
            "--json",
            "--batch",
            "2",
        ];
        // The list never ends, so only the signal ends the run.
        var outcome = AgcamProcess.RunEndlessly(arguments, [images["000.png"]], process => Assert.Equal(0, Kill(process.Id, signal)));
        Assert.Equal(130, outcome.Code);
        Assert.Contains("Run the same command again to continue", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(outcome.Lines, File.ReadAllLines(folder["out/explanations.jsonl"])); // every printed row is stored completely

        var again = AgcamProcess.Run(arguments, images["000.png"] + "\n");
        Assert.Equal(0, again.Code);
        Assert.Contains("0 explained, 1 done before", again.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Idle_list_does_not_block_the_end_of_a_run()
    {
        using var images = SomeImages.Folder(1);
        var outcome = AgcamProcess.RunWaiting(
            ["explain", "-", "--model", SomeImages.Model, "--json"],
            images["000.png"],
            process => Assert.Equal(0, Kill(process.Id, Sigint))
        );
        Assert.Equal(130, outcome.Code);
        Assert.Single(outcome.Rows); // explained although the batch was not full
    }

    [Fact]
    public void Image_does_not_wait_behind_finished_images()
    {
        using var folder = new TemporaryFolder();
        using var images = SomeImages.Folder(2);
        string[] arguments =
        [
            "explain",
            "-",
            "--model",
            SomeImages.Model,
            "--out",
            folder["out"],
            "--save",
            "none",
            "--json",
            "--batch",
            "2",
        ];
        Assert.Equal(0, AgcamProcess.Run(arguments, images["000.png"] + "\n").Code);
        // The new image fills half a batch, and the list continues with finished images only.
        var outcome = AgcamProcess.RunEndlessly(
            arguments,
            [images["001.png"], images["000.png"]],
            process => Assert.Equal(0, Kill(process.Id, Sigint))
        );
        Assert.Equal(130, outcome.Code);
        Assert.Equal(images["001.png"], outcome.Rows[0].GetProperty("image").GetProperty("path").GetString());
    }

    [Fact]
    public void Failed_run_does_not_wait_for_an_idle_list()
    {
        using var images = SomeImages.Folder(1);
        Directory.CreateDirectory(images["out/000.overlay.png"]); // blocks the picture's path
        var outcome = AgcamProcess.RunWaiting(
            ["explain", "-", "--model", SomeImages.Model, "--out", images["out"]],
            images["000.png"],
            _ => { }
        );
        Assert.Equal(2, outcome.Code);
        Assert.StartsWith("agcam: ", outcome.Errors, StringComparison.Ordinal);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
