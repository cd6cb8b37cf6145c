using System.Text.Json;
using Xunit;

namespace AgCam.Cli.Tests.Operating;

public sealed class RuntimeSettingsTests
{
    /// <summary>Compares the two launchers of one host: the API's container runs AgCam.Api.dll, a machine runs <c>agcam api</c>.</summary>
    [Fact]
    public void Container_of_the_API_has_the_runtime_settings_of_agcam_api()
    {
        var command = Read("AgCam.Cli");
        Assert.True(command.Remove("System.CommandLine.ExecutableName"));
        Assert.Equal(command, Read("AgCam.Api"));
    }

    private static SortedDictionary<string, string> Read(string program)
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, $"{program}.runtimeconfig.json")));
        var settings = file.RootElement.GetProperty("runtimeOptions").GetProperty("configProperties").EnumerateObject();
        return new(settings.ToDictionary(setting => setting.Name, setting => setting.Value.ToString()));
    }
}
