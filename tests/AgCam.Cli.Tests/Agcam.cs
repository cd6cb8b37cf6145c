using System.Text;
using AgCam.Cli.Terminal;
using AgCam.Native;
using TorchSharp;
using Xunit;

[assembly: AssemblyFixture(typeof(AgCam.Cli.Tests.Agcam.SingleThread))]

namespace AgCam.Cli.Tests;

/// <summary>
/// Runs the command in this process, which saves its start and compilation. <see cref="AgcamProcess"/> starts the built one.
/// </summary>
internal static class Agcam
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Beginnings of the variables that the command reads through its console.</summary>
    private static readonly string[] Variables = ["AGCAM_URL", "AGCAM_API_KEY", "AGCAM_DEBUG", "HF_", "TERM"];

    public static Outcome Run(params string[] arguments) => Run(arguments, "", []);

    public static Outcome Run(string[] arguments, string stdin, params (string Name, string Value)[] environment)
    {
        var given = environment.ToDictionary(variable => variable.Name, variable => variable.Value);
        Assert.All(given.Keys, name => Assert.Contains(Variables, start => name.StartsWith(start, StringComparison.Ordinal)));
        using var stdout = new KeptStream();
        using var output = new StreamWriter(stdout, new UTF8Encoding(false), leaveOpen: true) { AutoFlush = true };
        using var errors = new StringWriter();
        var console = new CommandConsole
        {
            Output = TextWriter.Synchronized(output),
            Error = TextWriter.Synchronized(errors),
            OpenInput = () => new StringReader(stdin),
            OpenOutput = () => stdout,
            Variable = name => given.GetValueOrDefault(name) ?? OfProcess(name),
            IsOutputTerminal = false,
            IsErrorTerminal = false,
        };
        var run = Task.Run(() => Invocation.RunAsync(AgcamCommand.Create(), arguments, console));
        if (!run.Wait(Limit))
            throw new TimeoutException($"agcam did not end within {Limit.TotalMinutes} minutes.");
        return new Outcome(run.Result, Encoding.UTF8.GetString(stdout.ToArray()), errors.ToString());
    }

    private static string? OfProcess(string name) =>
        name.StartsWith("AGCAM_", StringComparison.Ordinal) ? null : Environment.GetEnvironmentVariable(name);

    /// <summary>A stream that a verb may close, as it may close stdout.</summary>
    private sealed class KeptStream : MemoryStream
    {
        protected override void Dispose(bool disposing) { }
    }

    /// <summary>
    /// Runs libtorch on one thread, so that results do not depend on the tests that run at the same time. OMP_NUM_THREADS decides instead
    /// where it is set.
    /// </summary>
    public sealed class SingleThread
    {
        public SingleThread()
        {
            if (Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is not null)
                return;
            NativeBackend.Load();
            torch.set_num_threads(1);
        }
    }
}
