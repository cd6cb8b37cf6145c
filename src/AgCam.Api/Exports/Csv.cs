using System.Globalization;
using System.Text;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Exports;

/// <summary>
/// An item a row (RFC 4180). Boxes are "x y width height score", separated by semicolons. A metadata column of the
/// manifest is called "metadata.NAME"; the items are read twice to know them all.
/// </summary>
internal static class Csv
{
    private static readonly string[] Columns =
    [
        "number",
        "status",
        "reason",
        "detail",
        "uri",
        "sha256",
        "label",
        "label_class",
        "label_logit",
        "label_probability",
        "split",
        "model",
        "predicted",
        "probability",
        "correct",
        "boxes",
        "explanation",
        "time",
    ];

    public static async Task WriteAsync(IStore store, Job job, Stream stream, CancellationToken cancellationToken)
    {
        var metadata = await MetadataAsync(store, job, cancellationToken);
        var header = string.Join(',', Columns.Concat(metadata.Select(name => $"metadata.{name}")).Select(Quoted));
        await stream.WriteAsync(Encoding.UTF8.GetBytes(header + "\r\n"), cancellationToken);
        await foreach (var page in Export.PagesAsync(store, job, cancellationToken))
        {
            var rows = new StringBuilder();
            foreach (var item in page)
                rows.AppendJoin(',', Fields(item).Concat(metadata.Select(name => item.Metadata?.GetValueOrDefault(name))).Select(Quoted))
                    .Append("\r\n");
            await stream.WriteAsync(Encoding.UTF8.GetBytes(rows.ToString()), cancellationToken);
        }
    }

    private static async Task<SortedSet<string>> MetadataAsync(IStore store, Job job, CancellationToken cancellationToken)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var page in Export.PagesAsync(store, job, cancellationToken))
            names.UnionWith(page.SelectMany(item => item.Metadata?.Keys ?? []));
        return names;
    }

    private static string?[] Fields(Item item) =>
        [
            Text(item.Number),
            item.Status.ToString(),
            item.Reason,
            item.Detail,
            item.Uri,
            item.Sha256?.ToString(),
            item.Label,
            item.LabelClass,
            Text(item.LabelLogit),
            Text(item.LabelProbability),
            item.Split,
            item.Model,
            item.Predicted,
            Text(item.Probability),
            item.Correct is { } correct
                ? correct
                    ? "true"
                    : "false"
                : null,
            string.Join(
                ';',
                item.Boxes.Select(box =>
                    string.Join(' ', new[] { box.X, box.Y, box.Width, box.Height, box.Score }.Select(value => Text((float)value)))
                )
            ),
            item.Explanation?.ToString(),
            item.Time.ToString("O", CultureInfo.InvariantCulture),
        ];

    private static string? Text(IFormattable? value) => value?.ToString(null, CultureInfo.InvariantCulture);

    private static string Quoted(string? field)
    {
        if (string.IsNullOrEmpty(field))
            return "";
        if (field[0] != '-' || !double.TryParse(field, CultureInfo.InvariantCulture, out _))
            field = WithoutFormulas(field);
        return field.AsSpan().ContainsAny(",\"\r\n") ? $"\"{field.Replace("\"", "\"\"")}\"" : field;
    }

    /// <summary>
    /// Prefixes an apostrophe to each cell that a spreadsheet would compute as a formula. A spreadsheet may use another separator than the
    /// comma, so the parts of a text are checked too.
    /// </summary>
    private static string WithoutFormulas(string text)
    {
        if (!text.AsSpan().ContainsAny("=+-@\t\r"))
            return text;
        var safe = new StringBuilder(text[0] is '\t' or '\r' ? "'" : "");
        var (written, cell, isBlank) = (0, 0, true);
        for (var i = 0; i < text.Length; i++)
        {
            if (isBlank && text[i] is ('=' or '+' or '-' or '@'))
            {
                safe.Append(text, written, cell - written).Append('\'');
                (written, isBlank) = (cell, false);
            }
            else if (text[i] is ',' or ';' or '|' or '\t' or '\r' or '\n')
                (cell, isBlank) = (i + 1, true);
            else
                isBlank &= char.IsWhiteSpace(text[i]) || text[i] == '"';
        }
        return safe.Append(text, written, text.Length - written).ToString();
    }
}
