using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>Runs agcam serve as a child process on a free port.</summary>
internal sealed partial class ServingProcess : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly string _output;
    private readonly Task<string> _rest;

    private ServingProcess(Process process, Uri url, string text)
    {
        _process = process;
        Url = url;
        _output = text;
        _rest = process.StandardError.ReadToEndAsync(); // a full pipe would block the process
    }

    public int Id => _process.Id;

    /// <summary>Complete stderr, available after the process ends.</summary>
    public string Output => _output + "\n" + _rest.GetAwaiter().GetResult();

    public Uri Url { get; }

    /// <param name="store">SQLite file.</param>
    /// <param name="root">Folder whose images may be read.</param>
    public static ServingProcess Start(string store, string root, params string[] more) => Start(store, root, more, []);

    public static ServingProcess Start(string store, string root, string[] more, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(
            AgcamProcess.Program,
            [
                "serve",
                "--model",
                $"tiny={SomeImages.Model}",
                "--store",
                store,
                "--root",
                root,
                "--device",
                "cpu",
                .. more.Contains("--listen") ? more : [.. more, "--listen", "http://127.0.0.1:0"],
            ]
        )
        {
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        var received = new List<string>();
        using var limit = new CancellationTokenSource(Limit);
        while (process.StandardError.ReadLineAsync(limit.Token).AsTask().GetAwaiter().GetResult() is { } line)
        {
            received.Add(line);
            if (line.StartsWith("agcam: ", StringComparison.Ordinal) && Address().Match(line) is { Success: true } found)
                return new ServingProcess(process, new Uri(found.Value), string.Join('\n', received));
        }
        throw new InvalidOperationException($"agcam serve ended: {string.Join('\n', received)}");
    }

    /// <summary>Runs a verb against this server.</summary>
    public Outcome Run(params string[] arguments) => Agcam.Run(arguments, "", ("AGCAM_URL", Url.ToString()));

    public void KillAtOnce()
    {
        _process.Kill(); // SIGKILL
        _process.WaitForExit();
    }

    /// <returns>Exit code after SIGTERM.</returns>
    public int Stop()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        Assert.True(_process.WaitForExit(Limit), "agcam serve did not stop.");
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+")]
    private static partial Regex Address();
}
