using System.Globalization;
using Spectre.Console;

namespace AgCam.Cli.Terminal;

/// <summary>Shows count, rate and time left: five times a second on a terminal, every ten seconds elsewhere.</summary>
internal sealed class Progress : IDisposable
{
    private readonly Screen _screen;
    private readonly Func<ProgressState> _state;
    private readonly Timer _timer;

    public Progress(Screen screen, Func<ProgressState> state)
    {
        (_screen, _state) = (screen, state);
        var period = screen.Moves ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromSeconds(10);
        _timer = new Timer(_ => Draw(), null, period, period);
    }

    public void Dispose()
    {
        using var stopped = new ManualResetEvent(false);
        if (_timer.Dispose(stopped))
            stopped.WaitOne();
    }

    private void Draw() =>
        _screen.Progress(_screen.Moves ? Bar(_state(), _screen.Width) : new Markup(Markup.Escape("agcam: " + Text(_state()))));

    private static Markup Bar(ProgressState state, int width)
    {
        var text = Text(state);
        var room = Math.Min(30, width - text.Length - 4);
        if (state.Total is not > 0 || room < 8)
            return new Markup(Markup.Escape(text.Length < width ? text : text[..(width - 1)]));
        var full = (int)(room * Math.Clamp((double)state.Done / state.Total.Value, 0, 1));
        return new Markup($"[green]{new string('━', full)}[/][grey]{new string('─', room - full)}[/]  {Markup.Escape(text)}");
    }

    private static string Text(ProgressState state)
    {
        var culture = CultureInfo.InvariantCulture;
        var text = state.Total is { } total
            ? string.Create(culture, $"{state.Done:N0} of {total:N0} images")
            : string.Create(culture, $"{state.Done:N0} images");
        if (state.Rate > 0)
            text += string.Create(culture, $", {state.Rate:0.0}/s");
        if (state.Failed > 0)
            text += string.Create(culture, $", {state.Failed:N0} failed");
        if (state.Rate > 0 && state.Total is { } all && all > state.Done)
            text += $", {Duration(TimeSpan.FromSeconds((all - state.Done) / state.Rate))} left";
        return text;
    }

    public static string Duration(TimeSpan time) =>
        time switch
        {
            { TotalDays: > 100 } => "many days",
            { TotalHours: >= 1 } => $"{(int)time.TotalHours} h {time.Minutes:00} min",
            { TotalMinutes: >= 1 } => $"{time.Minutes} min {time.Seconds:00} s",
            _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s"),
        };
}

/// <param name="Total">Total; null while unknown.</param>
/// <param name="Rate">Images per second.</param>
internal readonly record struct ProgressState(long Done, long? Total, long Failed, double Rate);
