using Microsoft.Extensions.Configuration;

namespace AgCam.Cli.Operating;

/// <summary>Where services find their settings, for verbs that start none.</summary>
internal static class Settings
{
    public static IConfiguration Read() =>
        new ConfigurationBuilder()
            .SetBasePath(Directory.GetCurrentDirectory())
            .AddJsonFile("appsettings.json", optional: true)
            .AddEnvironmentVariables()
            .Build();
}
