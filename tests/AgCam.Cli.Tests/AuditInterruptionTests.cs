using System.Diagnostics;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;
using Xunit;

namespace AgCam.Cli.Tests;

public sealed class AuditInterruptionTests
{
    [Fact]
    public async Task Interrupted_audit_cancels_its_job_and_the_next_one_completes()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        Assert.Equal(0, Agcam.Run("scenes", "draw", folder["scenes"], "--count", "400", "--seed", "7").Code);
        string[] audit = ["audit", folder["scenes"], "--store", folder["store.db"], "--findings", "dark", "--batch", "1"];
        var interrupted = await AgcamProcess.RunWhileAsync(
            audit,
            async process =>
            {
                await Eventually.TrueAsync(async () => process.HasExited || await JobAsync() is { Progress.Completed: > 0 });
                using var kill = Process.Start("kill", ["-INT", $"{process.Id}"]);
                await kill.WaitForExitAsync(cancellationToken);
            }
        );
        Assert.Equal((130, "", "agcam: stopped."), (interrupted.Code, interrupted.Output, interrupted.Errors.TrimEnd().Split('\n')[^1]));
        Assert.Equal(JobState.Cancelled, (await JobAsync())!.State);

        var again = AgcamProcess.Run(audit);
        Assert.Equal(0, again.Code);
        Assert.StartsWith("400 images", again.Output, StringComparison.Ordinal);
        Assert.Equal(JobState.Completed, (await JobAsync())!.State);

        async Task<Job?> JobAsync()
        {
            if (!File.Exists(folder["store.db"]))
                return null;
            await using var store = new SqliteStore(new SqliteOptions { Path = folder["store.db"] });
            if (await store.SchemaVersionAsync(cancellationToken) == 0)
                return null;
            return (await store.Jobs.PageAsync(new JobQuery(), cancellationToken)).Jobs.FirstOrDefault();
        }
    }
}
