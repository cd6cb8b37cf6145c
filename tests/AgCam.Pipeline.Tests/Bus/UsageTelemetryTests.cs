using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace AgCam.Pipeline.Tests.Bus;

public sealed class UsageTelemetryTests
{
    /// <summary>It is sent five minutes after the start, which no test waits for.</summary>
    [Theory]
    [InlineData(PipelineOptions.InMemory)]
    [InlineData("amqp://guest:guest@127.0.0.1/")]
    public async Task The_bus_does_not_report_its_usage_to_its_makers(string bus)
    {
        var services = new ServiceCollection().AddLogging();
        var store = Path.Combine(Path.GetTempPath(), $"agcam-{Guid.NewGuid():N}.db"); // never opened
        services.AddAgCamPipeline(new PipelineOptions { Bus = bus, Store = store });
        await using var provider = services.BuildServiceProvider();
        Assert.False(provider.GetRequiredService<IOptions<UsageTelemetryOptions>>().Value.Enabled);
    }
}
