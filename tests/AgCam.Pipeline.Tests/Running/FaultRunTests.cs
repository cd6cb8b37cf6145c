using Xunit;

namespace AgCam.Pipeline.Tests.Running;

/// <summary>
/// ./test.sh --faults, short: the same program against the same services. It restarts broker and store, so it runs beside no other
/// test, and only where whoever started the tests started the services for them too.
/// </summary>
[Collection(nameof(FaultRunTests))]
[Trait("RabbitMQ", "whole")]
public sealed class FaultRunTests
{
    public static bool MayRestartServices => Environment.GetEnvironmentVariable("AGCAM_TEST_SERVICES_OWNED") == "1";

    [Fact(SkipUnless = nameof(MayRestartServices), Skip = "AGCAM_TEST_SERVICES_OWNED is not 1: broker and store are not ours to restart")]
    public async Task Nothing_is_lost_or_stored_twice_whatever_is_killed_restarted_or_stopped()
    {
        await using var run = Hosts.Start("role=faults", "engine=null", "images=6000", "slow=150", "rounds=1", "outage=10");
        Assert.True(await run.DiesAsync(1500), run.Said);
        Assert.True(run.ExitCode == 0, run.Said);
        Assert.Matches(
            "(^|\n)attempted=6000 acknowledged=6000 ok=6000 lost=0 duplicated=0 recovered=[1-9][0-9]* unexpected=0 kills=6$",
            run.Said
        );
    }
}

[CollectionDefinition(nameof(FaultRunTests), DisableParallelization = true)]
public sealed class FaultRunCollection;
