using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Document of a <see cref="Claim"/>.</summary>
internal sealed record MongoClaim
{
    public Guid Id { get; init; }
    public ClaimKind Kind { get; init; }
    public Digest? Hash { get; init; }
    public string? Owner { get; init; }
}

/// <summary>
/// Stores one claim per id. Jobs and chunks are in different collections, so only the unique key of the claim decides between a job and
/// a request without a transaction. The claim is written first. After a crash in between, the same request finishes what it began.
/// </summary>
internal static class MongoClaims
{
    /// <summary>Claims the id for <paramref name="wanted"/> unless it has a claim.</summary>
    /// <returns>Null when the id has the claim <paramref name="wanted"/>, from this call or before; else its other claim.</returns>
    public static async Task<Claim?> TryAsync(MongoDatabase database, Guid id, Claim wanted, CancellationToken cancellationToken)
    {
        var claim = new MongoClaim
        {
            Id = id,
            Kind = wanted.Kind,
            Hash = wanted.Hash,
            Owner = wanted.Owner,
        };
        while (!await MongoDatabase.InsertNewAsync(database.Claims, claim, cancellationToken))
            if (await FindAsync(database, id, cancellationToken) is { } stored) // null when it was released meanwhile
                return stored.Admits(wanted) ? null : stored;
        return null;
    }

    /// <exception cref="KeyUsedException">The id has another claim.</exception>
    public static async Task ClaimAsync(MongoDatabase database, Guid id, Claim wanted, CancellationToken cancellationToken)
    {
        if (await TryAsync(database, id, wanted, cancellationToken) is { } other)
            throw new KeyUsedException(id, other.Kind);
    }

    public static async Task<Claim?> FindAsync(MongoDatabase database, Guid id, CancellationToken cancellationToken)
    {
        var found = await database.Claims.Find(claim => claim.Id == id).FirstOrDefaultAsync(cancellationToken);
        return found is null ? null : new Claim(found.Kind, found.Hash, found.Owner);
    }

    /// <summary>Deletes the claim, so that its key can be used again.</summary>
    public static Task ReleaseAsync(MongoDatabase database, Guid id, CancellationToken cancellationToken) =>
        database.Claims.DeleteOneAsync(claim => claim.Id == id, cancellationToken);
}
