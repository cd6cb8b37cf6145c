using System.Globalization;
using AgCam.Cli.Terminal;
using AgCam.Labels;

namespace AgCam.Cli.Explaining;

/// <summary>Writes the final lines of a run: counts, rates, failures and the output folder.</summary>
internal sealed class Summary(ExplainRun run, Explainer explainer, RunTally tally, ImageLabels? labels, OutputFolder? output)
{
    public void Write(TextWriter to)
    {
        var culture = CultureInfo.InvariantCulture;
        to.WriteLine();
        to.WriteLine(
            string.Create(culture, $"{tally.Completed:N0} explained")
                + (tally.Skipped > 0 ? string.Create(culture, $", {tally.Skipped:N0} done before") : "")
                + (
                    tally.Failed > 0
                        ? string.Create(
                            culture,
                            $", {tally.Failed:N0} failed ({string.Join(", ", tally.Failures.Select(f => $"{f.Key} {f.Value}"))})"
                        )
                        : ""
                )
                + string.Create(
                    culture,
                    $" in {tally.Elapsed.TotalSeconds:0.0} s with {explainer.ModelId} on {explainer.Device}, {explainer.Dtype}"
                )
        );
        if (tally.Completed > 0)
            to.WriteLine(
                string.Create(
                    culture,
                    $"{tally.Rate:0.0} images/s; model alone {tally.ModelRate:0.0}/s; read, decode, resize "
                        + $"{tally.ReadingMilliseconds:0.0} ms per image"
                )
                    + (
                        tally.PicturesSaved > 0
                            ? string.Create(culture, $"; draw and save {tally.SavingMilliseconds:0.0} ms per picture")
                            : ""
                    )
            );
        if (labels is not null)
            foreach (var line in Accuracy(labels))
                to.WriteLine(line);
        if (output is not null)
            to.WriteLine(
                $"Rows in {Path.Combine(run.Out!, OutputFolder.RowsFile)}"
                    + (tally.PicturesSaved > 0 ? $", {tally.PicturesSaved.ToString("N0", culture)} pictures below {run.Out}" : "")
            );
    }

    private IEnumerable<string> Accuracy(ImageLabels given)
    {
        var (culture, agreement) = (CultureInfo.InvariantCulture, tally.Agreement);
        if (agreement.Images > 0)
            yield return string.Create(
                culture,
                $"Accuracy {100 * agreement.Accuracy:0.0}%: {agreement.Right:N0} of {agreement.Images:N0} labelled images"
            );
        if (agreement.Permuted() is { } permuted)
        {
            var moved = permuted
                .Classes.Where(pair => pair.Key != pair.Value)
                .Take(3)
                .Select(pair => $"label {Name(pair.Key)} is predicted as {Name(pair.Value)}");
            yield return string.Create(
                culture,
                $"The labels and the model's classes look permuted against each other: {100 * permuted.Accuracy:0.0}% would be "
                    + $"correct in another order ({string.Join(", ", moved)}, ...)."
            );
            yield return "Label by class name or WordNet id instead of by index, or give the names in the model's own order with "
                + "--classes FILE.";
        }

        if (given.Unlabelled > 0)
            yield return string.Create(culture, $"{given.Unlabelled:N0} images have no label");
        if (given.Unknown.Count > 0)
            yield return string.Create(culture, $"{given.Unknown.Values.Sum():N0} images have a label that is no class of the model: ")
                + string.Join(
                    ", ",
                    given
                        .Unknown.OrderByDescending(entry => entry.Value)
                        .Take(3)
                        .Select(entry => $"\"{Screen.Printable(entry.Key)}\" ({entry.Value})")
                )
                + (given.Unknown.Count > 3 ? ", ..." : "")
                + $"; {explainer.Classes.Near(given.Unknown.OrderByDescending(entry => entry.Value).First().Key)}";
    }

    private string Name(int index) => Pictures.ShortName(explainer.Classes[index], index);
}
