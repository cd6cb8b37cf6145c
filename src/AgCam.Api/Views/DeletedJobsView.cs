namespace AgCam.Api.Views;

/// <summary>Result of a deletion of ended jobs, or of its dry run.</summary>
/// <param name="Jobs">Jobs that were deleted; for a dry run, that would be.</param>
/// <param name="Images">Images of these jobs.</param>
/// <param name="Remaining">Matching jobs that remain: repeat the request.</param>
internal sealed record DeletedJobsView(bool DryRun, long Jobs, long Images, long Remaining);
