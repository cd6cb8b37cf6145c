using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// What ids stand for, a document each. Of any number of processes that insert one id at once the server lets one: jobs and chunks are
/// in collections of their own, so nothing else could decide between them without a transaction. The claim comes before what it is for;
/// after a crash in between, the key stands for what was asked first, and the same request again finishes it.
/// </summary>
internal static class MongoClaims
{
    /// <summary>Claims the id unless it stands for something already.</summary>
    /// <returns>Null when it stands for <paramref name="wanted"/>, now or already; else what it stands for.</returns>
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
            if (await FindAsync(database, id, cancellationToken) is { } standing) // else it was deleted meanwhile
                return standing.Admits(wanted) ? null : standing;
        return null;
    }

    /// <exception cref="KeyUsedException">The id stands for something else.</exception>
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

    /// <summary>The id stands for nothing any more: its key may be used again.</summary>
    public static Task ReleaseAsync(MongoDatabase database, Guid id, CancellationToken cancellationToken) =>
        database.Claims.DeleteOneAsync(claim => claim.Id == id, cancellationToken);
}
