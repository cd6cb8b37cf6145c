using Xunit;

namespace AgCam.Cli.Tests;

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
        // Two correct labels and a wrong one, by index. Paths are relative to the file's folder.
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
        Assert.Equal("""{"given":"kind_3","class":3,"name":"kind 3"}""", outcome.Rows[0].GetProperty("label").GetRawText());
    }

    [Fact]
    public void Unknown_label_stays_in_the_row_and_the_summary_lists_its_images()
    {
        using var folder = new TemporaryFolder();
        SomeImages.Write(folder, "in/3/a.png");
        SomeImages.Write(folder, "in/unheard of/b.png", 1);
        SomeImages.Write(folder, "in/unheard of/c.png", 2);
        string[] arguments = ["explain", folder["in"], "--model", SomeImages.Model, "--labels", "parent", "--out", folder["out"]];
        var text = Agcam.Run([.. arguments, "--save", "none"]).Output;
        Assert.Contains("b.png: ", text, StringComparison.Ordinal);
        Assert.Contains(", label \"unheard of\" is no class", text, StringComparison.Ordinal);
        AssertListed(text);

        // The second run reuses the rows of the first and reports the same accuracy.
        var again = Agcam.Run([.. arguments, "--save", "none", "--json"]);
        Assert.Contains("0 explained, 3 done before", again.Errors, StringComparison.Ordinal);
        AssertListed(again.Errors);
        var label = again.Rows[1].GetProperty("label");
        Assert.Equal("""{"given":"unheard of","class":null}""", label.GetRawText());
        Assert.False(again.Rows[1].TryGetProperty("labelProbability", out _));

        void AssertListed(string summary)
        {
            Assert.Contains("2 images with a label that is no class of the model: \"unheard of\" (2)", summary, StringComparison.Ordinal);
            Assert.Contains($"  {folder["in/unheard of/b.png"]}: \"unheard of\"\n", summary, StringComparison.Ordinal);
            Assert.Contains($"  {folder["in/unheard of/c.png"]}: \"unheard of\"\n", summary, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Row_holds_the_logit_and_the_probability_of_the_label()
    {
        using var folder = new TemporaryFolder();
        SomeImages.Write(folder, "4/a.png");
        var row = Agcam.Run("explain", folder.Path, "--model", SomeImages.Model, "--labels", "parent", "--target", "top:10", "--json").Rows[
            0
        ];
        var best = row.GetProperty("predictions")[0];
        // Both use the same log-sum-exp as those of the best class.
        var logSumExp = best.GetProperty("logit").GetDouble() - Math.Log(best.GetProperty("probability").GetDouble());
        var (logit, probability) = (row.GetProperty("labelLogit").GetDouble(), row.GetProperty("labelProbability").GetDouble());
        Assert.Equal(Math.Exp(logit - logSumExp), probability, 1e-6);
        Assert.InRange(probability, 1e-6, best.GetProperty("probability").GetDouble());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Labels_file_that_matches_no_image_is_exit_2_and_says_where_it_looked(bool fromStdin)
    {
        using var folder = SomeImages.Folder(2);
        File.WriteAllText(folder["labels.csv"], "path,label\ntrain/000.png,3\n");
        var outcome = Agcam.Run(
            ["explain", fromStdin ? "-" : folder.Path, "--model", SomeImages.Model, "--labels", folder["labels.csv"]],
            $"{folder["000.png"]}\n{folder["001.png"]}\n"
        );
        Assert.Equal(2, outcome.Code);
        Assert.Contains($"agcam: {folder["labels.csv"]} labels none of the images.", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains(
            $"{folder["000.png"]} was looked for in it as {folder["000.png"]}, 000.png",
            outcome.Errors,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Dataset_of_which_no_image_exists_is_exit_2_and_names_one()
    {
        using var folder = SomeImages.Folder(2);
        File.WriteAllText(folder["metadata.csv"], "file_name,label\ntrain/000.png,3\ntrain/001.png,4\n");
        var outcome = Agcam.Run("evaluate", folder.Path, "--model", SomeImages.Model, "--methods", "agcam", "--metrics", "pointing");
        Assert.Equal(2, outcome.Code);
        Assert.Contains($"{folder["train/000.png"]}, which the dataset lists, does not exist.", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Label_of_a_job_is_refused_with_where_its_labels_come_from()
    {
        using var folder = SomeImages.Folder(1);
        var outcome = Agcam.Run("submit", folder.Path, "--label", "3", "--url", "http://127.0.0.1:9");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("its labels come from class folders (classes:FOLDER)", outcome.Errors, StringComparison.Ordinal);
    }
}
