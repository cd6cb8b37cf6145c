using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgCam.Cli.Terminal;

/// <summary>Writes --summary-file: the outcome of a run as one JSON object. The file is replaced atomically.</summary>
internal static class SummaryFile
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Option<string?> Option() =>
        new("--summary-file") { Description = "File for the outcome as JSON: exit code, counts, reasons.", HelpName = "FILE" };

    /// <returns><paramref name="exitCode"/>.</returns>
    public static int Write(string? path, int exitCode, JsonObject summary)
    {
        if (path is null)
            return exitCode;
        summary.Insert(0, "exitCode", exitCode);
        AtomicFile.Write(path, Encoding.UTF8.GetBytes(summary.ToJsonString(Indented) + "\n"));
        return exitCode;
    }
}
