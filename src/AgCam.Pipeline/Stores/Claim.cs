using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Stores;

/// <summary>What an id stands for.</summary>
public enum ClaimKind
{
    Job,
    Request,
}

/// <summary>
/// Says what an id stands for. The ids of jobs and of requests both follow from idempotency keys, so one key may be sent for both: the
/// first
/// claim of an id stands until its job or request is deleted.
/// </summary>
/// <param name="Hash"><see cref="ExplainImages.Hash"/> of a request; null of a job, which has <see cref="Records.JobSpec.Hash"/>.</param>
/// <param name="Owner">
/// Name of the API key that made it. Null: it came over the broker or was made without keys, and belongs to the scope admin.
/// </param>
public sealed record Claim(ClaimKind Kind, Digest? Hash, string? Owner)
{
    public static Claim OfJob(string? owner) => new(ClaimKind.Job, null, owner);

    public static Claim Of(ExplainImages request, string? owner) => new(ClaimKind.Request, request.Hash(), owner);

    /// <summary>Returns whether the id stands for the same: a job, or the same request. Who asks is no part of that.</summary>
    public bool Admits(Claim other) => Kind == other.Kind && Hash == other.Hash;
}

/// <summary>
/// The idempotency key was used before: for a job where a request is asked for, for a request where a job is, or for another request.
/// </summary>
public sealed class KeyUsedException(Guid id, ClaimKind by)
    : Exception(by == ClaimKind.Job ? $"The key was used for the job {id}." : $"The key was used for another request, {id}.")
{
    public Guid Id { get; } = id;

    public ClaimKind By { get; } = by;
}
