using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace AgCam.Pipeline.Tests.Bus;

public sealed class UsageTelemetryTests
{
    /// <summary>MassTransit sends it five minutes after the start, too late for a test. The test reads the option instead.</summary>
    [Theory]
    [InlineData(PipelineOptions.InMemory)]
    [InlineData("amqp://guest:guest@127.0.0.1/")]
    public async Task MassTransit_sends_no_usage_telemetry(string bus)
    {
        var services = new ServiceCollection().AddLogging();
        var store = Path.Combine(Path.GetTempPath(), $"agcam-{Guid.NewGuid():N}.db"); // never opened
        services.AddAgCamPipeline(new PipelineOptions { Bus = bus, Store = store });
        await using var provider = services.BuildServiceProvider();
        Assert.False(provider.GetRequiredService<IOptions<UsageTelemetryOptions>>().Value.Enabled);
    }
}
