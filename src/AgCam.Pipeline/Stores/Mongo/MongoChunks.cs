using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Moves chunks through their states, with a class for each step.</summary>
internal sealed class MongoChunks(
    MongoDatabase database,
    MongoDeletion deletion,
    MongoLedger ledger,
    RunningJobs running,
    MongoSchema schema,
    TimeProvider clock
) : IChunks
{
    private readonly MongoChunkReader _reader = new(database);
    private readonly MongoRequests _requests = new(database, deletion, clock);
    private readonly MongoPublishing _publishing = new(database, clock);
    private readonly MongoLeasing _leasing = new(database, deletion, running, clock);
    private readonly MongoIsolation _isolation = new(database);
    private readonly MongoSave _save = new(database, deletion, ledger, clock);

    public Task<Chunk?> FindAsync(Guid owner, int number, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
            await _reader.FindAsync(owner, number, cancellationToken) is { } chunk
                ? (await _reader.WithReferencesAsync([chunk], cancellationToken))[0]
                : null
        );

    public Task<IReadOnlyList<Chunk>> ClaimPlannedAsync(
        Guid job,
        int window,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken = default
    ) =>
        MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            return await _publishing.ClaimPlannedAsync(job, window, visibilityTimeout, cancellationToken);
        });

    public Task<IReadOnlyList<Chunk>> RequeueExpiredAsync(
        TimeSpan visibilityTimeout,
        int limit = 100,
        bool all = false,
        CancellationToken cancellationToken = default
    ) =>
        MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            return await _publishing.RequeueExpiredAsync(visibilityTimeout, limit, all, cancellationToken);
        });

    public Task<Claim?> FindClaimAsync(Guid owner, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => MongoClaims.FindAsync(database, owner, cancellationToken));

    public Task<Chunk> AcceptAsync(
        ExplainImages request,
        TimeSpan visibilityTimeout,
        string? owner = null,
        CancellationToken cancellationToken = default
    )
    {
        ChunkRules.ThrowIfOfJob(request);
        return MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            return await _requests.AcceptAsync(request, visibilityTimeout, owner, cancellationToken);
        });
    }

    public Task<int> ForgetRequestsAsync(TimeSpan age, int limit = 1000, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => _requests.ForgetAsync(clock.Now() - age, limit, cancellationToken));

    public Task<LeaseAnswer> LeaseAsync(
        ExplainImages message,
        string worker,
        TimeSpan lease,
        bool redelivered = false,
        CancellationToken cancellationToken = default
    ) =>
        MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            return await _leasing.LeaseAsync(new WantedLease(message, worker, lease, redelivered), cancellationToken);
        });

    public Task<bool> HeartbeatAsync(ChunkLease held, TimeSpan lease, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => _leasing.HeartbeatAsync(held, lease, cancellationToken));

    public Task<bool> ReleaseAsync(
        ChunkLease held,
        TimeSpan visibilityTimeout,
        bool faulted = false,
        CancellationToken cancellationToken = default
    ) => MongoDatabase.RunAsync(() => _leasing.ReleaseAsync(held, visibilityTimeout, faulted, cancellationToken));

    public Task<int> BeginIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => _isolation.BeginAsync(held, number, cancellationToken));

    public Task EndIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => _isolation.EndAsync(held, number, cancellationToken));

    public Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            return await _save.SaveAsync(chunks, cancellationToken);
        });
}
