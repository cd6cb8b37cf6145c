using System.CommandLine;
using System.CommandLine.Parsing;
using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using AgCam.Audit;
using AgCam.Cli.Terminal;
using AgCam.Evaluation.Datasets;
using AgCam.Images;
using AgCam.Labels;
using AgCam.Models;
using AgCam.Native;

namespace AgCam.Cli;

/// <summary>Exit codes of all verbs.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>A check found differences.</summary>
    public const int Different = 1;

    /// <summary>Error in usage, configuration, model, backend or device, or an internal error.</summary>
    public const int UsageError = 2;

    /// <summary>Finished with more failed images than --max-failures.</summary>
    public const int TooManyFailures = 3;

    /// <summary>A required network service does not answer.</summary>
    public const int Unreachable = 4;

    /// <summary>Stopped by Ctrl-C or SIGTERM after the started work was finished.</summary>
    public const int Interrupted = 130;
}

/// <summary>The command line asks for something that cannot be done. Reported as one line with exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>Runs a command line and returns its exit code. An error is one line; AGCAM_DEBUG=1 adds the stack trace.</summary>
internal static class Invocation
{
    public static async Task<int> RunAsync(RootCommand agcam, string[] args, CommandConsole console)
    {
        agcam.HelpName = "agcam";
        HelpWithExamples.AddTo(agcam);
        var parsed = agcam.Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is System.CommandLine.Invocation.ParseErrorAction)
            return Refuse(parsed, console.Error);
        try
        {
            return await parsed.InvokeAsync(console);
        }
        catch (Exception error)
        {
            if (console.Variable("AGCAM_DEBUG") is "1")
                console.Error.WriteLine(error);
            return Report(error, console.Error);
        }
    }

    private static int Refuse(ParseResult parsed, TextWriter errors)
    {
        foreach (var error in parsed.Errors.Select(e => e.Message).Distinct())
            errors.WriteLine($"agcam: {error}");
        errors.WriteLine($"Try: {Path(parsed.CommandResult)} --help");
        return ExitCode.UsageError;
    }

    private static string Path(CommandResult command) =>
        command.Parent is CommandResult parent ? $"{Path(parent)} {command.Command.Name}" : "agcam";

    /// <summary>Reports an error by who must act: the caller, the operator, or the developers.</summary>
    private static int Report(Exception error, TextWriter errors)
    {
        while (error is AggregateException or ChannelClosedException or TypeInitializationException && error.InnerException is { } inner)
            error = inner;
        var expected =
            error
            is UsageException
                or ModelException
                or NativeBackendException
                or DeviceException
                or TargetException
                or LabelException
                or DatasetException
                or AuditException
                or ImageException
                or ArgumentException
                or ValidationException
                or IOException
                or UnauthorizedAccessException
                or DllNotFoundException;
        errors.WriteLine(
            expected
                ? $"agcam: {OneLine(error.Message)}"
                : $"agcam: internal error, {error.GetType().Name}: {OneLine(error.Message)} Set AGCAM_DEBUG=1 for the stack "
                    + $"trace, and report it."
        );
        return error is ModelException { Reason: ModelFailure.HubUnreachable } ? ExitCode.Unreachable : ExitCode.UsageError;
    }

    // Names in the message may be hostile: removes escape sequences.
    private static string OneLine(string message) =>
        Screen.Printable(
            string.Join(
                ' ',
                Regex
                    .Replace(Options.FieldFlags.In(message), @" \(Parameter '\w+'\)", "")
                    .Split(['\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            )
        );
}
