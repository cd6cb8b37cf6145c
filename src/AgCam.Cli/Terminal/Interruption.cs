using System.Runtime.InteropServices;

namespace AgCam.Cli.Terminal;

/// <summary>Handles Ctrl-C and SIGTERM: the first drains, the second ends the process at once.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _drain = new();
    private readonly PosixSignalRegistration[] _signals;
    private int _asked;

    public Interruption(Action noticed)
    {
        void Handle(PosixSignalContext context)
        {
            if (Interlocked.Exchange(ref _asked, 1) != 0)
                Exit(ExitCode.Interrupted);
            context.Cancel = true;
            noticed();
            _drain.Cancel();
        }

        _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        ];
    }

    public CancellationToken Drain => _drain.Token;

    public bool Asked => _drain.IsCancellationRequested;

    /// <summary>Calls _exit of the C library: no finalizers and native destructors, which would wait for the model.</summary>
    [DllImport("libc", EntryPoint = "_exit")]
    private static extern void Exit(int code);

    public void Dispose()
    {
        foreach (var signal in _signals)
            signal.Dispose();
        _drain.Dispose();
    }
}
