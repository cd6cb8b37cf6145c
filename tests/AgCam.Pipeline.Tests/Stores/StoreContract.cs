using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Documents;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Tests the contract of a store. A subclass for each store runs all of them.</summary>
public abstract partial class StoreContract : IAsyncLifetime
{
    protected static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    protected static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private protected FakeClock Clock { get; } = new();

    protected IStore Store { get; private set; } = null!;

    /// <summary>Returns an empty store.</summary>
    protected abstract Task<IStore> CreateAsync(TimeProvider clock);

    /// <summary>Opens the same store again, as another process does.</summary>
    protected abstract Task<IStore> ReopenAsync(TimeProvider clock);

    protected abstract Task DropAsync();

    public async ValueTask InitializeAsync()
    {
        Store = await CreateAsync(Clock);
        await Store.MigrateAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (Store is null)
            return;
        await Store.DisposeAsync();
        await DropAsync();
    }

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected DateTimeOffset Now => Clock.Now();

    /// <summary>Creates a running job with chunks of the given sizes.</summary>
    private protected async Task<Job> PlannedJobAsync(params int[] sizes) => await PlannedJobAsync(Some.Spec(), sizes);

    private protected async Task<Job> PlannedJobAsync(JobSpec spec, params int[] sizes)
    {
        var job = (await Store.Jobs.CreateAsync(spec, cancellationToken: Cancel)).Job;
        await AddAsync(job.Id, sizes);
        return (await Store.Jobs.FinishPlanningAsync(job.Id, cancellationToken: Cancel))!;
    }

    private protected async Task<PlanTail?> AddAsync(Guid job, params int[] sizes)
    {
        var tail = await Store.Jobs.PlanTailAsync(job, Cancel);
        var from = tail.NextImage;
        var chunks = new List<IReadOnlyList<ImageReference>>();
        foreach (var size in sizes)
        {
            chunks.Add(Some.References(from, size));
            from += size;
        }
        return await Store.Jobs.AddChunksAsync(job, tail, chunks, Cancel);
    }

    private protected async Task<(Chunk Chunk, ChunkLease Lease)> LeaseNextAsync(Guid job, string worker = "worker")
    {
        var chunk = Assert.Single(await Store.Chunks.ClaimPlannedAsync(job, await InFlightAsync(job) + 1, Hour, Cancel));
        var answer = await Store.Chunks.LeaseAsync(Some.Message(chunk), worker, Minute, cancellationToken: Cancel);
        Assert.Equal(LeaseOutcome.Granted, answer.Outcome);
        return (answer.Chunk!, answer.Lease!);
    }

    private protected async Task<SaveAnswer> SaveAsync(ChunkResult result) => Assert.Single(await Store.Chunks.SaveAsync([result], Cancel));

    /// <summary>Creates a job, computes its chunks and saves the given items.</summary>
    private protected async Task<Job> JobOfAsync(int images, Func<Guid, int, Item> item, int chunkSize = 64)
    {
        var sizes = Enumerable
            .Range(0, (images + chunkSize - 1) / chunkSize)
            .Select(i => Math.Min(chunkSize, images - i * chunkSize))
            .ToArray();
        var job = await PlannedJobAsync(sizes);
        foreach (var _ in sizes)
        {
            var (chunk, lease) = await LeaseNextAsync(job.Id);
            var items = chunk.References.Select(reference => item(job.Id, reference.Number)).ToList();
            var explanations = chunk
                .References.Where((_, i) => items[i].Explanation is not null)
                .Select(reference => Some.Explanation(reference.Number))
                .ToList();
            Assert.Equal(SaveOutcome.Saved, (await SaveAsync(new ChunkResult(lease, explanations, items))).Outcome);
        }
        return (await Store.Jobs.FindAsync(job.Id, Cancel))!;
    }

    private async Task<int> InFlightAsync(Guid job)
    {
        var inFlight = 0;
        for (var number = 0; await Store.Chunks.FindAsync(job, number, Cancel) is { } chunk; number++)
            inFlight += chunk.State is ChunkState.Published or ChunkState.Leased ? 1 : 0;
        return inFlight;
    }

    internal static void AssertSame(StoredExplanation expected, StoredExplanation? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected.Id, actual.Id);
        Assert.Equal(ExplanationDocument.Encode(expected), ExplanationDocument.Encode(actual));
    }

    /// <summary>Compares by value, because records compare their lists by reference.</summary>
    internal static void AssertSame<T>(T expected, T actual) => Assert.Equivalent(expected, actual, strict: true);
}
