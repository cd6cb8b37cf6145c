using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Stores;

/// <summary>Kind of record that an id stands for.</summary>
public enum ClaimKind
{
    Job,
    Request,
}

/// <summary>
/// Says what an id stands for. One idempotency key, and so one id, may be sent for a job and for a request. The first claim
/// stands until its job or request is deleted.
/// </summary>
/// <param name="Hash">
/// <see cref="ExplainImages.Hash"/> of a request; null for a job, which has <see cref="Records.JobSpec.Hash"/>.
/// </param>
/// <param name="Owner">
/// Name of the API key that made the claim. Null when it came over the broker or without keys, and belongs to the scope admin.
/// </param>
public sealed record Claim(ClaimKind Kind, Digest? Hash, string? Owner)
{
    public static Claim OfJob(string? owner) => new(ClaimKind.Job, null, owner);

    public static Claim Of(ExplainImages request, string? owner) => new(ClaimKind.Request, request.Hash(), owner);

    /// <summary>Returns whether both claims stand for a job, or for the same request. The owner does not count.</summary>
    public bool Admits(Claim other) => Kind == other.Kind && Hash == other.Hash;
}

/// <summary>
/// The idempotency key is in use by a job where a request is meant, by a request where a job is meant, or by another request.
/// </summary>
public sealed class KeyUsedException(Guid id, ClaimKind by)
    : Exception(by == ClaimKind.Job ? $"The key was used for the job {id}." : $"The key was used for another request, {id}.")
{
    public Guid Id { get; } = id;

    public ClaimKind By { get; } = by;
}
