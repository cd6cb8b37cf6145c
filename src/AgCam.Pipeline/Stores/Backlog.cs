namespace AgCam.Pipeline.Stores;

/// <summary>What was accepted and has no record yet.</summary>
/// <param name="Images">Of running jobs, as far as they are planned, and of requests without a job. What a producer has sent past the
/// API is in the broker only until a worker takes it.</param>
/// <param name="Oldest">Since when the oldest running job or open request is there; null when there is none.</param>
public sealed record Backlog(long Images, DateTimeOffset? Oldest)
{
    public static Backlog operator +(Backlog left, Backlog right) =>
        new(left.Images + right.Images, left.Oldest is null || right.Oldest < left.Oldest ? right.Oldest ?? left.Oldest : left.Oldest);
}
