using AgCam.Api.Security;
using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Stores;

namespace AgCam.Cli.Serving;

/// <summary>Runs a service until it is stopped.</summary>
internal static class Service
{
    /// <returns>0 when it was stopped, 130 when it was stopped while starting, 4 when store or broker did not answer at start.</returns>
    /// <exception cref="UsageException">The settings cannot be used.</exception>
    public static async Task<int> RunAsync(Func<Task> run)
    {
        try
        {
            await run();
            return ExitCode.Success;
        }
        // HttpClient reports a timeout this way
        catch (OperationCanceledException stopped) when (stopped.InnerException is not TimeoutException)
        {
            Console.Error.WriteLine("agcam: stopped.");
            return ExitCode.Interrupted;
        }
        catch (Exception wrong) when (wrong is OptionsException or ApiConfigurationException or StoreSchemaException)
        {
            throw new UsageException(wrong.Message);
        }
        catch (Exception down) when (down is StoreUnavailableException or BusException or OperationCanceledException)
        {
            Console.Error.WriteLine($"agcam: {down.Message}");
            return ExitCode.Unreachable;
        }
    }
}
