using System.Globalization;

namespace AgCam.Audit.Comparison;

/// <summary>Sentences about what a pairing left out, resampled or could not judge.</summary>
public static class PairingNotes
{
    private const int Named = 3;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    public static IReadOnlyList<string> Of(PairedImages paired, (JobImages A, JobImages B) jobs, JobPairing pairing)
    {
        var (images, classes) = (paired.Images, pairing.Classes);
        var notes = new List<string>();
        if (jobs.A.Failed + jobs.B.Failed > 0)
            notes.Add(
                string.Create(Culture, $"{jobs.A.Failed:N0} images of A and {jobs.B.Failed:N0} of B failed and have no explanation.")
            );
        if (jobs.A.Copies + jobs.B.Copies > 0)
            notes.Add(
                string.Create(Culture, $"{jobs.A.Copies:N0} images of A and {jobs.B.Copies:N0} of B are copies of another one: left out.")
            );
        if (paired.Changed > 0)
            notes.Add(string.Create(Culture, $"{paired.Changed:N0} images have one path in both jobs but other bytes: not paired."));
        if (pairing.Target is null)
            notes.Add("The jobs explain different targets. Their first maps are compared.");
        Count(images.Count(image => image.IsResampled), "pairs have maps of different grids or crops: sampled on a common grid.");
        Count(images.Count(image => double.IsNaN(image.Similarity[0])), "pairs have no map, or a flat one: not measured.");
        Count(images.Count(image => image.SameMapClass is false), "pairs have maps that explain different classes. They count.");
        Count(paired.LabelsDiffer, "pairs have different labels in the two jobs: their predictions are not judged.");
        if (!pairing.HasBoxes)
            notes.Add("The boxes have different targets or thresholds: not compared.");
        if (!classes.IsKnown)
            notes.Add("The classes of a model are not known: names are compared as they are. Name both models with --model.");
        if (classes.OnlyA.Count + classes.OnlyB.Count > 0)
            notes.Add($"The models differ in classes. Without a partner: {Some("A", classes.OnlyA)}; {Some("B", classes.OnlyB)}.");
        Count(paired.Unpaired, "pairs have a prediction without a partner class: their agreement is not judged.");
        return notes;

        void Count(long count, string text)
        {
            if (count > 0)
                notes.Add(string.Create(Culture, $"{count:N0} {text}"));
        }
    }

    private static string Some(string model, IReadOnlyList<string> names) =>
        string.Create(Culture, $"{names.Count:N0} of {model}")
        + (names.Count == 0 ? "" : $" ({string.Join(", ", names.Take(Named))}{(names.Count > Named ? ", ..." : "")})");
}
