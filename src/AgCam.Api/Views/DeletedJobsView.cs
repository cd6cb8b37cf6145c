namespace AgCam.Api.Views;

/// <summary>What a deletion of ended jobs did, or with dryRun would do.</summary>
/// <param name="Jobs">Jobs deleted by this request; of a dry run, all that would be.</param>
/// <param name="Images">Images that these jobs have.</param>
/// <param name="Remaining">Jobs that are still there and meant: send the request again.</param>
internal sealed record DeletedJobsView(bool DryRun, long Jobs, long Images, long Remaining);
