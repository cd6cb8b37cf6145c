using AgCam.Cli.Serving;
using Xunit;

namespace AgCam.Cli.Tests;

public class ServiceTests
{
    [Fact]
    public async Task Timeout_at_the_start_is_no_stop() =>
        Assert.Equal(ExitCode.Unreachable, await Service.RunAsync(() => throw new TaskCanceledException("No answer within 5 s.")));
}
