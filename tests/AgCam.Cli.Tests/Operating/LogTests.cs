using System.Text.Json;
using Xunit;

namespace AgCam.Cli.Tests.Operating;

/// <summary>Tests the JSON log.</summary>
public class LogTests
{
    [Fact]
    public void Line_about_a_chunk_carries_its_job_and_number_and_its_trace()
    {
        using var folder = SomeImages.Folder(3);
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(
            state["agcam.db"],
            folder.Path,
            [],
            ("Telemetry__Logs", "Json"),
            ("Logging__LogLevel__AgCam", "Debug")
        );
        Assert.Equal(0, serving.Run("submit", folder.Path, "--wait").Code);
        var job = serving.Run("jobs", "list", "--json").Rows.Single().GetProperty("id").GetString();
        Assert.Equal(0, serving.Stop());

        var lines = serving
            .Output.Split('\n')
            .Where(line => line.StartsWith('{'))
            .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .ToList();
        var stored = Assert.Single(lines, line => line.GetProperty("Message").GetString() == "Saved: 3 completed, 0 failed");
        Assert.Equal("Debug", stored.GetProperty("LogLevel").GetString());
        var scope = Assert.Single(stored.GetProperty("Scopes").EnumerateArray(), scope => scope.TryGetProperty("Chunk", out _));
        Assert.Equal((job, "0"), (scope.GetProperty("Job").GetString(), scope.GetProperty("Chunk").ToString()));
    }
}
