using Spectre.Console;

namespace AgCam.Cli.Terminal;

/// <summary>
/// Writes data to stdout and progress to stderr. On one terminal the progress line is cleared for each row. Elsewhere progress is a line
/// every ten seconds.
/// </summary>
internal sealed class Screen(CommandConsole console) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Stream _rows = new BufferedStream(console.OpenOutput(), 1 << 16);
    private readonly IAnsiConsole _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(console.Error) });
    private readonly bool _sameTerminal = console.IsOutputTerminal;
    private bool _drawn;

    /// <summary>Whether the progress line is redrawn. False off a terminal and on a dumb one.</summary>
    public bool Moves { get; } = console.IsErrorTerminal && console.Variable("TERM") is not (null or "" or "dumb");

    /// <summary>Writes a line of data.</summary>
    public void Row(ReadOnlySpan<byte> row)
    {
        lock (_gate)
        {
            if (_drawn && _sameTerminal)
            {
                Erase();
                _rows.Flush();
            }

            _rows.Write(row);
            _rows.WriteByte((byte)'\n');
        }
    }

    public void Flush()
    {
        lock (_gate)
        {
            if (_drawn && _sameTerminal)
                Erase();
            _rows.Flush();
        }
    }

    /// <summary>Replaces the progress line on a terminal; elsewhere writes a line.</summary>
    public void Progress(Markup line)
    {
        lock (_gate)
        {
            if (Moves)
            {
                _rows.Flush();
                Erase();
                _drawn = true;
                _console.Write(line);
            }
            else
            {
                _console.Write(line);
                console.Error.WriteLine();
            }
        }
    }

    /// <summary>Writes a permanent line to stderr.</summary>
    public void Note(string text)
    {
        lock (_gate)
        {
            if (_drawn)
                Erase();
            _rows.Flush();
            console.Error.WriteLine(text);
        }
    }

    /// <summary>Removes line breaks and escape sequences from names that others chose.</summary>
    public static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? $"\\x{(int)c:x2}" : c.ToString()));

    public int Width => Math.Clamp(_console.Profile.Width, 40, 200);

    public void Dispose()
    {
        lock (_gate)
        {
            if (_drawn)
                Erase();
            _rows.Flush();
        }
    }

    private void Erase()
    {
        if (!_drawn)
            return;
        console.Error.Write("\r\e[2K");
        _drawn = false;
    }
}
