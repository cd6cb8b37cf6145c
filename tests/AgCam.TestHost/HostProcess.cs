using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AgCam.TestHost;

/// <summary>Real process of the pipeline that a test can kill.</summary>
internal sealed partial class HostProcess : IAsyncDisposable
{
    /// <summary>Exit codes of processes that SIGKILL and SIGSEGV have ended.</summary>
    public const int Killed = 128 + 9,
        Segfaulted = 128 + 11;

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _said = new();

    private HostProcess(Process process) => _process = process;

    public bool HasExited => _process.HasExited;

    /// <summary>Exit code, after the process has exited.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Both outputs.</summary>
    public string Said => string.Join('\n', _said);

    /// <summary>Address of its API.</summary>
    public Uri Address => new(_said.First(line => line.StartsWith("listening ", StringComparison.Ordinal))["listening ".Length..]);

    /// <param name="program">AgCam.TestHost.dll.</param>
    public static HostProcess Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_gcServer"] = "0";
        var process = new Process { StartInfo = start };
        var host = new HostProcess(process);
        process.OutputDataReceived += (_, line) => host.Receive(line.Data);
        process.ErrorDataReceived += (_, line) => host.Receive(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return host;
    }

    /// <summary>Waits until the process is ready or has exited.</summary>
    /// <exception cref="TimeoutException">It is neither.</exception>
    public Task<HostProcess> ReadyAsync(int seconds = 60) => SaysAsync("ready", seconds);

    /// <inheritdoc cref="ReadyAsync"/>
    public async Task<HostProcess> SaysAsync(string line, int seconds)
    {
        for (var until = DateTime.UtcNow.AddSeconds(seconds); !_said.Contains(line) && !HasExited; await Task.Delay(20))
            if (DateTime.UtcNow > until)
                throw new TimeoutException($"It did not say \"{line}\" within {seconds} s but: {Said}");
        return this;
    }

    public async Task<bool> DiesAsync(int seconds)
    {
        for (var until = DateTime.UtcNow.AddSeconds(seconds); DateTime.UtcNow < until; await Task.Delay(20))
            if (HasExited)
                return true;
        return false;
    }

    /// <summary>Sends SIGKILL.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Sends SIGTERM.</summary>
    public void AskToStop() => Signal(_process.Id, 15);

    /// <summary>Sends SIGSTOP: the process executes nothing until <see cref="Continue"/>. Its connections stay open.</summary>
    public void Freeze() => Signal(_process.Id, 19);

    /// <summary>Sends SIGCONT.</summary>
    public void Continue() => Signal(_process.Id, 18);

    /// <summary>Default name of the worker in this process.</summary>
    public string WorkerName => $"{Environment.MachineName}/{_process.Id}";

    public async ValueTask DisposeAsync()
    {
        if (!HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private void Receive(string? line)
    {
        if (line is not null)
            _said.Enqueue(line);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
