using Microsoft.Extensions.Configuration;

namespace AgCam.Cli.Operating;

/// <summary>Reads the settings of services, for verbs that start none.</summary>
internal static class Settings
{
    public static IConfiguration Read() =>
        new ConfigurationBuilder()
            .SetBasePath(Directory.GetCurrentDirectory())
            .AddJsonFile("appsettings.json", optional: true)
            .AddEnvironmentVariables()
            .Build();
}
