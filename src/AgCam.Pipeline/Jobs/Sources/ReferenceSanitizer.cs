using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>
/// References that a message can hold, of whatever a source says. An image whose reference breaks a rule stays one of the job's: it
/// fails with the reason, unread, and the other images of its chunk do not notice.
/// </summary>
internal static class ReferenceSanitizer
{
    /// <param name="where">The row, or the object.</param>
    /// <param name="column">From a field of the reference to what it is called there.</param>
    public static ImageReference Sanitize(ImageReference reference, string where, Func<string, string>? column = null)
    {
        var problems = ExplainImagesRules.Check(reference);
        if (problems.Count == 0)
            return reference;
        bool Breaks(string field) => problems.Any(problem => problem.Field == field);
        var why = string.Join("; ", problems.Select(problem => $"{column?.Invoke(problem.Field) ?? problem.Field} {problem.Problem}"));
        return new ImageReference
        {
            // What is no address of its kind may be anything: as a path it can be sent and shown.
            Kind = Breaks("uri") ? ReferenceKind.File : reference.Kind,
            Uri =
                !Breaks("uri") ? reference.Uri
                : reference.Uri.Length == 0 ? Cut(where, ExplainImagesRules.MaxUri)
                : Cut(reference.Uri.Replace('\0', '\uFFFD'), ExplainImagesRules.MaxUri),
            Label = Breaks("label") ? null : reference.Label,
            Split = Breaks("split") ? null : reference.Split,
            Metadata = Breaks("metadata") ? null : reference.Metadata,
            Refused = Cut($"{where}: {why}. Correct it and submit it as a new job.", ExplainImagesRules.MaxRefusal),
        };
    }

    /// <returns>No more than <paramref name="length"/> characters; what was cut ends in an ellipsis.</returns>
    public static string Cut(string text, int length)
    {
        if (text.Length <= length)
            return text;
        var end = length - 1;
        return string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[end - 1]) ? end - 1 : end), "…");
    }
}
