using System.CommandLine;
using AgCam.Cli.Terminal;
using AgCam.Native;

namespace AgCam.Cli.Doctor;

/// <summary>agcam backend-self-test, hidden: agcam runs it in a child process to test a libtorch of AGCAM_LIBTORCH.</summary>
internal static class BackendSelfTestVerb
{
    private const string Name = "backend-self-test";

    public static Command Create()
    {
        var command = new Command(Name, "Compares results of libtorch with plain C#.") { Hidden = true };
        command.SetAction(parsed =>
        {
            NativeBackend.Load();
            var faults = BackendSelfTest.Run();
            foreach (var fault in faults)
                parsed.Console.Output.WriteLine(fault);
            return faults.Count == 0 ? ExitCode.Success : ExitCode.UsageError;
        });
        return command;
    }

    /// <summary>Loads libtorch. One that is not shipped is first tested in a child process.</summary>
    public static NativeBackend LoadTrusted()
    {
        // `dotnet AgCam.Cli.dll` runs under the host's name, the launcher under its own.
        var program = Environment.ProcessPath!;
        var assembly = Path.Combine(AppContext.BaseDirectory, "AgCam.Cli.dll");
        var host = Path.GetFileNameWithoutExtension(program) is "dotnet";
        BackendTrust.Require(program, host ? [assembly, Name] : [Name]);
        return NativeBackend.Load();
    }
}
