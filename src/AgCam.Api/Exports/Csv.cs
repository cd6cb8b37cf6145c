using System.Globalization;
using System.Text;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Exports;

/// <summary>An item a row (RFC 4180). Boxes are "x y width height score", separated by semicolons; metadata columns are left to JSON Lines.</summary>
internal static class Csv
{
    private const string Header = "number,status,reason,detail,uri,sha256,label,split,model,predicted,probability,correct,boxes,explanation,time\r\n";

    public static async Task WriteAsync(IStore store, Job job, Stream stream, CancellationToken cancel)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(Header), cancel);
        await foreach (var page in Export.PagesAsync(store, job, cancel))
        {
            var rows = new StringBuilder();
            foreach (var item in page)
                rows.AppendJoin(',', Fields(item).Select(Quoted)).Append("\r\n");
            await stream.WriteAsync(Encoding.UTF8.GetBytes(rows.ToString()), cancel);
        }
    }

    private static string?[] Fields(Item item) =>
    [
        Text(item.Number), item.Status.ToString(), item.Reason, item.Detail, item.Uri, item.Sha256?.ToString(), item.Label, item.Split, item.Model, item.Predicted,
        Text(item.Probability), item.Correct is { } correct ? correct ? "true" : "false" : null,
        string.Join(';', item.Boxes.Select(box => string.Join(' ', new[] { box.X, box.Y, box.Width, box.Height, box.Score }.Select(value => Text((float)value))))),
        item.Explanation?.ToString(), item.Time.ToString("O", CultureInfo.InvariantCulture),
    ];

    private static string? Text(IFormattable? value) => value?.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>
    /// Names come from strangers, and a spreadsheet computes what begins like a formula: such a text gets an apostrophe before it.
    /// </summary>
    private static string Quoted(string? field)
    {
        if (string.IsNullOrEmpty(field))
            return "";
        if (field[0] is '=' or '+' or '@' or '\t' or '\r' || field[0] == '-' && !double.TryParse(field, CultureInfo.InvariantCulture, out _))
            field = "'" + field;
        return field.AsSpan().ContainsAny(",\"\r\n") ? $"\"{field.Replace("\"", "\"\"")}\"" : field;
    }
}
