using System.Globalization;
using System.Net;
using AgCam.Evaluation.Metrics;

namespace AgCam.Cli.Evaluating;

/// <summary>Pieces of HTML that the pages of an evaluation, a comparison and an audit have. Numbers have the invariant culture.</summary>
internal static class Html
{
    /// <summary>Returns the beginning of a page that loads nothing, with its heading.</summary>
    /// <param name="title">HTML.</param>
    public static string Head(string title)
    {
        using var style = new StreamReader(typeof(Html).Assembly.GetManifestResourceStream("HtmlPage.css")!);
        return $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{title}</title>
            <style>
            {style.ReadToEnd()}</style>
            </head>
            <body>
            <h1>{title}</h1>
            """;
    }

    /// <summary>Returns a picture inside the page, with its caption.</summary>
    /// <param name="type">Format of the picture: png or webp.</param>
    public static string Figure(byte[] picture, string caption, string type = "png")
    {
        var text = Text(caption);
        return $"<figure><img alt=\"{text}\" src=\"data:image/{type};base64,{Convert.ToBase64String(picture)}\">"
            + $"<figcaption>{text}</figcaption></figure>";
    }

    public static string Text(string text) => WebUtility.HtmlEncode(text);

    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    public static string Number(double value) => value.ToString("0.000;-0.000;0.000", CultureInfo.InvariantCulture);

    public static string Interval(Interval interval) => $"{Number(interval.Low)} to {Number(interval.High)}";

    public static string Each<T>(IEnumerable<T> items, Func<T, string> html) => string.Concat(items.Select(html));

    public static string Cell(string html) => $"<td>{html}</td>";

    public static string Definitions(IEnumerable<(string Name, string Html)> items) =>
        $"<dl>{Each(items, item => $"<dt>{Text(item.Name)}</dt><dd>{item.Html}</dd>")}</dl>";

    /// <summary>Returns a table that scrolls by itself where it is wider than the page.</summary>
    /// <param name="headings">HTML inside each heading cell.</param>
    /// <param name="rows">Complete cells of each row.</param>
    public static string Table(IEnumerable<string> headings, IEnumerable<IEnumerable<string>> rows) =>
        $"""
            <div class="wide"><table>
            <thead><tr>{Each(headings, heading => $"<th>{heading}</th>")}</tr></thead>
            <tbody>
            {string.Join('\n', rows.Select(row => $"<tr>{string.Concat(row)}</tr>"))}
            </tbody></table></div>
            """;
}
