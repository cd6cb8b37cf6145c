using System.Diagnostics;

namespace AgCam.Deploy.Tests;

/// <summary>Program that infra/test-services/debian.sh installs.</summary>
internal sealed class Tool(string command)
{
    public const string Skipped = "AGCAM_TEST_SERVICES names no debian.sh, which brings the programs that check charts and compose files";

    private readonly Lazy<string> _program = new(() =>
    {
        var (code, output, errors) = Run(Environment.GetEnvironmentVariable("AGCAM_TEST_SERVICES")!, [command]);
        return code == 0 ? output.Trim() : throw new InvalidOperationException($"{command} is not there: {errors}");
    });

    public static bool IsThere => Environment.GetEnvironmentVariable("AGCAM_TEST_SERVICES") is { Length: > 0 };

    public (int Code, string Output, string Errors) Run(params string[] arguments) => Run(_program.Value, arguments);

    private static (int Code, string Output, string Errors) Run(string program, string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.WaitForExit();
        return (process.ExitCode, output.Result, errors.Result);
    }
}
