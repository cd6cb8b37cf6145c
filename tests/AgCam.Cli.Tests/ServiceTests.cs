using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;
using Xunit;

namespace AgCam.Cli.Tests;

public class ServiceTests
{
    [Fact]
    public async Task Timeout_at_the_start_is_no_stop()
    {
        using var errors = new StringWriter();
        var console = new CommandConsole { Error = errors };
        Assert.Equal(ExitCode.Unreachable, await console.RunServiceAsync(() => throw new TaskCanceledException("No answer within 5 s.")));
        Assert.Equal("agcam: No answer within 5 s.\n", errors.ToString());
    }
}
