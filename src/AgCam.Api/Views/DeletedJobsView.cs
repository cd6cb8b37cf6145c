namespace AgCam.Api.Views;

/// <summary>Result of a deletion of ended jobs, or of its dry run.</summary>
/// <param name="Jobs">Number of deleted jobs, or of matching jobs for a dry run.</param>
/// <param name="Images">Number of images of these jobs.</param>
/// <param name="Remaining">Number of matching jobs that remain. Repeat the request until it is 0.</param>
internal sealed record DeletedJobsView(bool DryRun, long Jobs, long Images, long Remaining);
