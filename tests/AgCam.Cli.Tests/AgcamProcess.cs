using System.Diagnostics;
using System.Text.Json;

namespace AgCam.Cli.Tests;

/// <summary>Runs the built command as a child process, for tests of processes: signals, environment, terminal, closed pipes.</summary>
internal static class AgcamProcess
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "AgCam.Cli");

    public static Outcome Run(params string[] arguments) => Run(arguments, "", []);

    public static Outcome Run(string[] arguments, string stdin, params (string Name, string Value)[] environment)
    {
        using var process = Start(arguments, environment);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(stdin);
        process.StandardInput.Close();
        return Finish(process, output, errors);
    }

    /// <summary>Runs a copy of the command in another folder.</summary>
    public static Outcome RunFrom(string folder, params string[] arguments)
    {
        using var process = Start(arguments, [], Path.Combine(folder, "AgCam.Cli"));
        process.StandardInput.Close();
        return Finish(process, process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
    }

    /// <summary>Feeds lines to stdin, the last one repeatedly, until the run ends.</summary>
    /// <returns>Outcome, including the first row.</returns>
    public static Outcome RunEndlessly(string[] arguments, string[] lines, Action<Process> afterTheFirstRow)
    {
        using var process = Start(arguments, []);
        var errors = process.StandardError.ReadToEndAsync();
        var feeding = new Thread(() =>
        {
            try
            {
                for (var i = 0; ; i = Math.Min(i + 1, lines.Length - 1))
                    process.StandardInput.WriteLine(lines[i]);
            }
            catch (Exception closed) when (closed is IOException or InvalidOperationException)
            {
                // It has ended.
            }
        })
        {
            IsBackground = true,
        };
        feeding.Start();
        var first = FirstRow(process);
        var output = process.StandardOutput.ReadToEndAsync();
        afterTheFirstRow(process);
        var outcome = Finish(process, output, errors);
        feeding.Join();
        return outcome with { Output = first + "\n" + outcome.Output };
    }

    /// <summary>Feeds one line to stdin and leaves it open.</summary>
    public static Outcome RunWaiting(string[] arguments, string line, Action<Process> afterTheFirstRow)
    {
        using var process = Start(arguments, []);
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.WriteLine(line);
        process.StandardInput.Flush();
        var first = FirstRow(process);
        var output = process.StandardOutput.ReadToEndAsync();
        afterTheFirstRow(process);
        var outcome = Finish(process, output, errors);
        return outcome with { Output = first + "\n" + outcome.Output };
    }

    /// <summary>Runs the command while something is done to it.</summary>
    public static async Task<Outcome> RunWhileAsync(string[] arguments, Func<Process, Task> during)
    {
        using var process = Start(arguments, []);
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await during(process);
        return Finish(process, output, errors);
    }

    private static string? FirstRow(Process process)
    {
        var row = process.StandardOutput.ReadLineAsync();
        if (row.Wait(Limit))
            return row.Result;
        process.Kill(entireProcessTree: true);
        throw new TimeoutException($"agcam showed no row within {Limit.TotalMinutes} minutes.");
    }

    private static Process Start(string[] arguments, (string Name, string Value)[] environment, string? program = null)
    {
        // A shell ignores SIGINT in background jobs, and children inherit that; reset it as in a terminal.
        var start = new ProcessStartInfo("/usr/bin/env")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add("--default-signal=INT");
        start.ArgumentList.Add(program ?? Program);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("AGCAM_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static Outcome Finish(Process process, Task<string> output, Task<string> errors)
    {
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"agcam did not end within {Limit.TotalMinutes} minutes.");
        }

        process.WaitForExit();
        return new Outcome(process.ExitCode, output.Result, errors.Result);
    }
}

internal sealed record Outcome(int Code, string Output, string Errors)
{
    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Parses every line of stdout as JSON.</summary>
    public JsonElement[] Rows => [.. Lines.Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
}
