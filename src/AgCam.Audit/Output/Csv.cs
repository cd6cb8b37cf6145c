namespace AgCam.Audit.Output;

/// <summary>Cells of CSV files (RFC 4180).</summary>
internal static class Csv
{
    /// <summary>Quotes a text where needed. A text that a spreadsheet would run as a formula gets an apostrophe in front.</summary>
    public static string Cell(string text)
    {
        if (text.AsSpan().TrimStart() is ['=' or '+' or '-' or '@', ..])
            text = "'" + text;
        return text.AsSpan().ContainsAny(",\"\r\n") ? $"\"{text.Replace("\"", "\"\"")}\"" : text;
    }
}
