using AgCam.Tests.Models;
using Xunit;

namespace AgCam.Tests.Cli;

public class LabelTests
{
    [Fact]
    public void Labels_from_a_file_give_row_labels_and_an_accuracy()
    {
        using var folder = SomeImages.Folder(3);
        var predicted = Agcam
            .Run("explain", folder.Path, "--model", SomeImages.Model, "--json")
            .Rows.Select(row => row.GetProperty("predictions")[0].GetProperty("class").GetInt32())
            .ToArray();
        // Two right, one wrong, by index; relative to the file's own folder.
        File.WriteAllText(
            folder["labels.csv"],
            $"path,label\n000.png,{predicted[0]}\n001.png,{predicted[1]}\n002.png,{(predicted[2] + 1) % SomeImages.Classes}\n"
        );
        var outcome = Agcam.Run(
            "explain",
            folder.Path,
            "--model",
            SomeImages.Model,
            "--json",
            "--labels",
            folder["labels.csv"],
            "--target",
            "label"
        );
        Assert.Equal(0, outcome.Code);
        Assert.Contains("Accuracy 66.7%: 2 of 3 labelled images", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal((predicted[2] + 1) % SomeImages.Classes, outcome.Rows[2].GetProperty("label").GetProperty("class").GetInt32());
        Assert.Equal(
            (predicted[2] + 1) % SomeImages.Classes,
            outcome.Rows[2].GetProperty("explanations")[0].GetProperty("target").GetInt32()
        );
    }

    [Fact]
    public void Accuracy_counts_images_of_earlier_runs()
    {
        using var folder = SomeImages.Folder(2);
        string[] arguments =
        [
            "explain",
            folder.Path,
            "--model",
            SomeImages.Model,
            "--out",
            folder["out"],
            "--labels",
            folder["labels.csv"],
        ];
        var predicted = Agcam
            .Run("explain", folder["000.png"], "--model", SomeImages.Model, "--json")
            .Rows[0]
            .GetProperty("predictions")[0]
            .GetProperty("class")
            .GetInt32();
        File.WriteAllText(folder["labels.csv"], $"path,label\n000.png,{predicted}\n001.png,{predicted}\n002.png,{predicted}\n");
        var first = Agcam.Run(arguments).Output;
        Assert.Contains("of 2 labelled images", first, StringComparison.Ordinal);
        var accuracy = first.Split('\n').Single(line => line.StartsWith("Accuracy", StringComparison.Ordinal));
        Assert.Contains(accuracy, Agcam.Run(arguments).Output, StringComparison.Ordinal);
        File.Copy(folder["000.png"], folder["002.png"]);
        Assert.Contains(" of 3 labelled images", Agcam.Run(arguments).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Class_folders_are_labels_and_names_come_from_a_file()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder["names.txt"], Enumerable.Range(0, SomeImages.Classes).Select(i => $"kind {i}"));
        SomeImages.Write(folder, "in/kind_3/a.png");
        SomeImages.Write(folder, "in/unheard of/b.png");
        var outcome = Agcam.Run(
            "explain",
            folder["in"],
            "--model",
            SomeImages.Model,
            "--json",
            "--labels",
            "parent",
            "--classes",
            folder["names.txt"]
        );
        Assert.Equal("kind 3", outcome.Rows[0].GetProperty("label").GetProperty("name").GetString());
        Assert.False(outcome.Rows[1].TryGetProperty("label", out _));
        Assert.Contains("1 images have a label that is no class of the model: \"unheard of\"", outcome.Errors, StringComparison.Ordinal);
    }
}
