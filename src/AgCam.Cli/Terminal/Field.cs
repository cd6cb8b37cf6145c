using System.Text.RegularExpressions;

namespace AgCam.Cli.Terminal;

/// <summary>Writes named values, one below the other. A long value is wrapped on a terminal, and one line elsewhere.</summary>
internal static partial class Field
{
    private const int NameWidth = 14;

    public static void Write(CommandConsole console, string name, string value) =>
        console.Output.WriteLine($"{name, -NameWidth} {Wrapped(value, console.Width, NameWidth + 1)}");

    /// <summary>Wraps a text after spaces, and after semicolons of a text without spaces.</summary>
    /// <param name="indent">Columns before the text, on every line.</param>
    public static string Wrapped(string text, int width, int indent)
    {
        var lines = new List<string> { "" };
        foreach (var part in Parts().Matches(text).Select(match => match.Value))
        {
            if (lines[^1].Length > 0 && indent + lines[^1].Length + part.TrimEnd().Length > width)
                lines.Add("");
            lines[^1] += part;
        }

        return string.Join($"\n{new string(' ', indent)}", lines.Select(line => line.TrimEnd()));
    }

    [GeneratedRegex(@"[^\s;]*(;|\s+|$)")]
    private static partial Regex Parts();
}
