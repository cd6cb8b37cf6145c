using AgCam.Api.Doors;
using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace AgCam.Cli.Serving;

/// <summary>Runs what stays until it is stopped.</summary>
internal static class Service
{
    /// <returns>0 when it was stopped, 4 when the store or the broker did not answer at the start.</returns>
    /// <exception cref="UsageException">The settings cannot be used.</exception>
    public static async Task<int> Run(Func<Task> run)
    {
        try
        {
            await run();
            return ExitCode.Fine;
        }
        catch (Exception wrong) when (wrong is OptionsException or ApiConfigurationException or StoreSchemaException)
        {
            throw new UsageException(wrong.Message);
        }
        catch (Exception down) when (down is StoreUnavailableException or BusException)
        {
            Console.Error.WriteLine($"agcam: {down.Message}");
            return ExitCode.Unreachable;
        }
    }

    /// <summary>Warnings, and what agcam itself has to say, on stderr.</summary>
    public static void Quiet(ILoggingBuilder logging)
    {
        logging.ClearProviders();
        logging.AddSimpleConsole(console => console.SingleLine = true);
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        logging.SetMinimumLevel(LogLevel.Warning);
        logging.AddFilter("AgCam", LogLevel.Information);
    }
}
