using System.Globalization;
using AgCam.Models.Hub;
using Spectre.Console;

namespace AgCam.Cli.Terminal;

/// <summary>Shows download progress on stderr: a bar on a terminal; elsewhere a line every ten seconds and per file.</summary>
internal sealed class DownloadProgress(CommandConsole console) : IProgress<HubProgress>, IDisposable
{
    private readonly Screen _screen = new(console);
    private readonly Lock _gate = new();
    private long _next;
    private string? _finished;

    public void Report(HubProgress value)
    {
        lock (_gate)
        {
            var whole = value.Total is { } total && value.Received >= total;
            var now = Environment.TickCount64;
            if (whole ? _finished == value.File : now < _next)
                return;
            _next = now + (_screen.Moves ? 100 : 10_000);
            _finished = whole ? value.File : _finished;
            if (whole && _screen.Moves)
                _screen.Note($"agcam: {Text(value)}");
            else
                _screen.Progress(new Markup(Markup.Escape((_screen.Moves ? "" : "agcam: ") + Text(value))));
        }
    }

    public void Dispose() => _screen.Dispose();

    private static string Text(HubProgress value) =>
        value.Total is { } total
            ? string.Create(CultureInfo.InvariantCulture, $"{value.File} {Megabytes(value.Received)} of {Megabytes(total)} MB")
            : string.Create(CultureInfo.InvariantCulture, $"{value.File} {Megabytes(value.Received)} MB");

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture);
}
