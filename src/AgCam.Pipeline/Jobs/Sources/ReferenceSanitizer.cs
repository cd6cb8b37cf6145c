using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>
/// Converts a source's entry to a valid reference. An invalid entry becomes an item that fails with the reason, unread; the other images of
/// its chunk are not affected.
/// </summary>
internal static class ReferenceSanitizer
{
    /// <summary>Returns the reference if it is valid, otherwise one that fails with the broken rules.</summary>
    /// <param name="where">Row or object, for the message.</param>
    /// <param name="column">Maps a field of the reference to its name in the source.</param>
    public static ImageReference Sanitize(ImageReference reference, string where, Func<string, string>? column = null)
    {
        var problems = ExplainImagesRules.Check(reference);
        if (problems.Count == 0)
            return reference;
        bool Breaks(string field) => problems.Any(problem => problem.Field == field);
        var reasons = string.Join("; ", problems.Select(problem => $"{column?.Invoke(problem.Field) ?? problem.Field} {problem.Problem}"));
        return new ImageReference
        {
            // An invalid address may be any text. As a path it can be stored and shown.
            Kind = Breaks("uri") ? ReferenceKind.File : reference.Kind,
            Uri =
                !Breaks("uri") ? reference.Uri
                : reference.Uri.Length == 0 ? Cut(where, ExplainImagesRules.MaxUri)
                : Cut(reference.Uri.Replace('\0', '\uFFFD'), ExplainImagesRules.MaxUri),
            Label = Breaks("label") ? null : reference.Label,
            Split = Breaks("split") ? null : reference.Split,
            Metadata = Breaks("metadata") ? null : reference.Metadata,
            Refused = Cut($"{where}: {reasons}. Correct it and submit it as a new job.", ExplainImagesRules.MaxRefusal),
        };
    }

    /// <summary>Shortens a text.</summary>
    /// <returns>At most <paramref name="length"/> characters; a shortened text ends in an ellipsis.</returns>
    public static string Cut(string text, int length)
    {
        if (text.Length <= length)
            return text;
        var end = length - 1;
        return string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[end - 1]) ? end - 1 : end), "…");
    }
}
