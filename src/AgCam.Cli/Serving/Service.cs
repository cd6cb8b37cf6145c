using System.Runtime.InteropServices;
using AgCam.Api.Security;
using AgCam.Cli.Terminal;
using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Stores;

namespace AgCam.Cli.Serving;

/// <summary>Runs a service until it is stopped.</summary>
internal static class Service
{
    /// <returns>0 when it was stopped, 130 when it was stopped while starting, 4 when store or broker did not answer at start.</returns>
    /// <exception cref="UsageException">The settings cannot be used.</exception>
    public static async Task<int> RunServiceAsync(this CommandConsole console, Func<Task> run)
    {
        using var signals = new StopSignals();
        try
        {
            await run();
            return ExitCode.Success;
        }
        catch (OperationCanceledException cancelled)
        {
            // Libraries report a timeout this way too.
            var isStop = await signals.ReceivedAsync();
            console.Error.WriteLine(isStop ? "agcam: stopped." : $"agcam: {cancelled.Message}");
            return isStop ? ExitCode.Interrupted : ExitCode.Unreachable;
        }
        catch (Exception wrong) when (wrong is OptionsException or ApiConfigurationException or StoreSchemaException)
        {
            throw new UsageException(wrong.Message);
        }
        catch (Exception down) when (down is StoreUnavailableException or BusException)
        {
            console.Error.WriteLine($"agcam: {down.Message}");
            return ExitCode.Unreachable;
        }
    }

    /// <summary>Notes whether the process was asked to stop. Hosts handle the signals.</summary>
    private sealed class StopSignals : IDisposable
    {
        private readonly TaskCompletionSource _received = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly PosixSignalRegistration[] _registrations;

        public StopSignals() =>
            _registrations = [
                .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT }.Select(signal =>
                    PosixSignalRegistration.Create(signal, _ => _received.TrySetResult())
                ),
            ];

        /// <summary>Waits a moment, because the handler of a host runs before this one.</summary>
        public async Task<bool> ReceivedAsync() =>
            await Task.WhenAny(_received.Task, Task.Delay(TimeSpan.FromSeconds(1))) == _received.Task;

        public void Dispose()
        {
            foreach (var registration in _registrations)
                registration.Dispose();
        }
    }
}
