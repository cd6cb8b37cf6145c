using System.CommandLine;

namespace AgCam.Cli.Terminal;

/// <summary>Standard streams, terminal and environment variables of a run. The defaults are those of the process.</summary>
internal sealed class CommandConsole : InvocationConfiguration
{
    private const int Unlimited = 10_000;

    public CommandConsole()
    {
        EnableDefaultExceptionHandler = false;
        ProcessTerminationTimeout = null;
    }

    /// <summary>Returns stdin as text.</summary>
    public Func<TextReader> OpenInput { get; init; } = () => Console.In;

    /// <summary>Opens stdout for bytes. Text goes to <see cref="InvocationConfiguration.Output"/>.</summary>
    public Func<Stream> OpenOutput { get; init; } = Console.OpenStandardOutput;

    /// <summary>Returns an environment variable; null when it is not set.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    public bool IsOutputTerminal { get; init; } = !Console.IsOutputRedirected;

    public bool IsErrorTerminal { get; init; } = !Console.IsErrorRedirected;

    /// <summary>Columns of the terminal; without a limit where stdout is none.</summary>
    public int Width => IsOutputTerminal ? Math.Max(40, Console.WindowWidth) : Unlimited;
}

internal static class ParseResultExtensions
{
    extension(ParseResult parsed)
    {
        /// <summary>Console of the run.</summary>
        public CommandConsole Console => (CommandConsole)parsed.InvocationConfiguration;
    }
}
