using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;

namespace AgCam.Api.Resources;

/// <summary>Limits concurrent dry runs: they read images in the API process.</summary>
internal sealed class DryRunLimiter(DryRun dryRun, ApiOptions options)
{
    private readonly SemaphoreSlim _places = new(2);

    /// <returns>Null when the limit is reached.</returns>
    public async Task<DryRunReport?> RunAsync(JobSpec spec, CancellationToken cancellationToken)
    {
        if (!await _places.WaitAsync(TimeSpan.Zero, cancellationToken))
            return null;
        try
        {
            return await dryRun.RunAsync(
                spec,
                TimeSpan.FromSeconds(options.DryRunSeconds),
                TimeSpan.FromSeconds(options.DryRunPaceSeconds),
                cancellationToken
            );
        }
        finally
        {
            _places.Release();
        }
    }
}
