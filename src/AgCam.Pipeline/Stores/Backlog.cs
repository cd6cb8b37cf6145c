namespace AgCam.Pipeline.Stores;

/// <summary>Counts accepted images that have no terminal record.</summary>
/// <param name="Images">
/// Images of running jobs, as far as they are planned, and of requests without a job. Messages that a producer sends to the
/// broker itself count once a worker has leased them.
/// </param>
/// <param name="Oldest">Creation time of the oldest running job or open request; null when there is none.</param>
public sealed record Backlog(long Images, DateTimeOffset? Oldest)
{
    public static Backlog operator +(Backlog left, Backlog right) =>
        new(left.Images + right.Images, left.Oldest is null || right.Oldest < left.Oldest ? right.Oldest ?? left.Oldest : left.Oldest);
}
