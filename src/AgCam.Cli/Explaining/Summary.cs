using System.Globalization;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Explaining;

/// <summary>Writes the final lines of a run: counts, rates, failures and the output folder.</summary>
internal sealed class Summary(ExplainRun run, Explainer explainer, RunTally tally, bool hasLabels, OutputFolder? output)
{
    /// <param name="width">Columns of the terminal.</param>
    public void Write(TextWriter to, int width)
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
        if (hasLabels)
            foreach (var line in Accuracy())
                to.WriteLine(line.StartsWith("  ", StringComparison.Ordinal) ? line : Field.Wrapped(line, width, indent: 0));
        if (output is not null)
            to.WriteLine(
                $"Rows in {Path.Combine(run.Out!, OutputFolder.RowsFile)}"
                    + (tally.PicturesSaved > 0 ? $", {tally.PicturesSaved.ToString("N0", culture)} pictures below {run.Out}" : "")
            );
    }

    private IEnumerable<string> Accuracy()
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

        if (tally.Labels.Unlabelled > 0)
            yield return $"{Images(tally.Labels.Unlabelled)} without a label";
        if (tally.Labels.UnknownImages == 0)
            yield break;
        var unknown = tally
            .Labels.Unknown.OrderByDescending(entry => entry.Value)
            .ThenBy(entry => entry.Key, StringComparer.Ordinal)
            .ToList();
        var counts = unknown.Take(3).Select(entry => string.Create(culture, $"\"{Screen.Printable(entry.Key)}\" ({entry.Value:N0})"));
        yield return $"{Images(tally.Labels.UnknownImages)} with a label that is no class of the model: "
            + $"{string.Join(", ", counts)}{(unknown.Count > 3 ? ", ..." : "")}";
        foreach (var (path, label) in tally.Labels.Images)
            yield return Screen.Printable($"  {path}: \"{label}\"");
        if (tally.Labels.UnknownImages - tally.Labels.Images.Count is > 0 and var more)
            yield return string.Create(culture, $"  and {more:N0} more; their rows say \"class\":null");
        yield return $"For \"{Screen.Printable(unknown[0].Key)}\", {FieldFlags.In(explainer.Classes.Near(unknown[0].Key))}";
    }

    private static string Images(long count) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} image{(count == 1 ? "" : "s")}");

    private string Name(int index) => Pictures.ShortName(explainer.Classes[index], index);
}
