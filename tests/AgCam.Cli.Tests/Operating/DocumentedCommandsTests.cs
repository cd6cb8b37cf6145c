using System.Diagnostics;
using AgCam.Scenes;
using Xunit;

namespace AgCam.Cli.Tests.Operating;

/// <summary>Runs every command of the README and of docs/, except those with a reason.</summary>
public class DocumentedCommandsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    public static TheoryData<string> PagesWithCommands =>
        new(DocumentedCommands.Pages.Where(page => DocumentedCommands.Of(page).Any(command => command.NotRun is null)));

    [Fact]
    public void No_command_is_outside_a_fence()
    {
        Assert.Contains("README.md", PagesWithCommands.Select(page => page.Data));
        Assert.Empty(DocumentedCommands.Pages.SelectMany(DocumentedCommands.LooseIn));
    }

    [Fact]
    public void Every_fence_runs_or_names_the_reason()
    {
        var (commands, loose) = DocumentedCommands.Parse(
            "x.md",
            "a\n```sh\nagcam doctor\n```\n<!-- not run here: needs a cluster -->\n```sh\nhelm install x\n```\n<!-- ends with 3 "
                + "-->\n```sh\nfalse\n```\n\n    agcam serve\n"
        );
        Assert.Equal([(null, 0), ("needs a cluster", 0), (null, 3)], commands.Select(command => (command.NotRun, command.ExitCode)));
        Assert.Equal(["x.md:14: agcam serve"], loose);
    }

    /// <summary>Runs the fences of a page in order in one folder.</summary>
    [Theory]
    [MemberData(nameof(PagesWithCommands))]
    public async Task Commands_of_a_page_work(string page)
    {
        using var folder = CreateFolder();
        var port = ServingProcess.FreePort();
        foreach (var command in DocumentedCommands.Of(page).Where(command => command.NotRun is null))
        {
            var (code, said) = await RunAsync(command.Script, folder, port);
            Assert.True(
                code == command.ExitCode,
                $"{command.Where} ended with {code} instead of {command.ExitCode}:\n{command.Script}\n{said}"
            );
        }
    }

    /// <summary>Creates a folder with the files of the pages: photos/, cat.jpg.</summary>
    private static TemporaryFolder CreateFolder()
    {
        var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["photos"]);
        var pictures = Directory.GetFiles(Shipped.Pictures, "*.png").Order(StringComparer.Ordinal).ToList();
        foreach (var picture in pictures.Take(3))
            File.Copy(picture, Path.Combine(folder["photos"], Path.GetFileName(picture)));
        File.Copy(pictures[^1], folder["cat.jpg"]); // the format is detected from the bytes
        Directory.CreateDirectory(folder["bin"]);
        File.CreateSymbolicLink(Path.Combine(folder["bin"], "agcam"), AgcamProcess.Program);
        return folder;
    }

    /// <summary>Waits until a background process is ready, and ends it after the last line.</summary>
    private static async Task<(int Code, string Said)> RunAsync(string script, TemporaryFolder folder, int port)
    {
        var live = $"for i in $(seq 600); do curl -sf http://127.0.0.1:{port}/health/live > /dev/null && break; sleep 0.2; done";
        var lines = script
            .Replace("127.0.0.1:8080", $"127.0.0.1:{port}", StringComparison.Ordinal)
            .Split('\n')
            .Select(line =>
                line.TrimEnd().EndsWith('&') && !line.TrimEnd().EndsWith("&&", StringComparison.Ordinal) ? $"{line}\n{live}" : line
            );
        var start = new ProcessStartInfo(
            "bash",
            ["-c", $"trap 'kill $(jobs -p) 2> /dev/null || true; wait || true' EXIT\nset -eo pipefail\n{string.Join('\n', lines)}"]
        )
        {
            WorkingDirectory = folder.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = $"{folder["bin"]}:{start.Environment["PATH"]}";
        start.Environment["HOME"] = start.Environment["XDG_DATA_HOME"] = folder.Path;
        start.Environment["AGCAM_URL"] = $"http://127.0.0.1:{port}";
        start.Environment["Api__Listen"] = $"http://127.0.0.1:{port}";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"It did not end within {Limit.TotalMinutes} minutes:\n{script}");
        }
        return (process.ExitCode, $"{await output}\n{await errors}");
    }
}
