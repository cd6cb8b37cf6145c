using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>
/// Short run of ./test.sh --faults. It restarts broker and store, so no other test runs at the same time, and it needs services that
/// were started for these tests.
/// </summary>
[Collection(nameof(FaultRunTests))]
[Trait("RabbitMQ", "whole")]
[Trait("Runs", "isolated")]
public sealed class FaultRunTests
{
    public static bool MayRestartServices => Environment.GetEnvironmentVariable("AGCAM_TEST_SERVICES_OWNED") == "1";

    [Fact(SkipUnless = nameof(MayRestartServices), Skip = "AGCAM_TEST_SERVICES_OWNED is not 1: broker and store are not ours to restart")]
    public async Task No_image_is_lost_or_stored_twice_when_processes_die_and_services_restart()
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
