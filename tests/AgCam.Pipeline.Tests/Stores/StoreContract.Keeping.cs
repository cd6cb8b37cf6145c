using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    private async Task<(int Condemned, int Deleted)> PruneAllAsync(TimeSpan olderThan, TimeSpan grace, int limit = 1000)
    {
        var (condemned, deleted) = (0, 0);
        Digest? after = null;
        do
        {
            var step = await Store.Explanations.PruneAsync(olderThan, grace, after, limit, Cancel);
            (condemned, deleted, after) = (condemned + step.Condemned, deleted + step.Deleted, step.Next);
        } while (after is not null);
        return (condemned, deleted);
    }

    [Fact]
    public async Task Old_explanations_without_items_are_condemned_then_deleted()
    {
        var job = (await JobOfAsync(10, (id, number) => Some.Item(id, number, Now, null))).Id;
        var kept = (await JobOfAsync(3, (id, number) => Some.Item(id, number, Now, null))).Id; // has explanations 0 to 2 too
        await Store.Jobs.DeleteAsync(job, Cancel);

        Assert.Equal((0, 0), await PruneAllAsync(Hour, Minute));
        Clock.Advance(2 * Hour);
        Assert.Equal((7, 0), await PruneAllAsync(Hour, Minute, limit: 3));
        Assert.Equal((0, 0), await PruneAllAsync(Hour, Minute));
        Assert.NotNull(await Store.Explanations.FindAsync(Some.Explanation(9).Id, Cancel));
        Clock.Advance(2 * Minute);
        Assert.Equal((0, 7), await PruneAllAsync(Hour, Minute, limit: 1));

        Assert.Null(await Store.Explanations.FindAsync(Some.Explanation(9).Id, Cancel));
        Assert.Equal(
            3,
            (await Store.Explanations.FindAsync([.. Enumerable.Range(0, 10).Select(i => Some.Explanation(i).Id)], Cancel)).Count
        );
        Assert.Equal(3, (await Store.Items.PageAsync(new ItemQuery { Job = kept }, Cancel)).Items.Count);
    }

    [Fact]
    public async Task Pinning_a_condemned_explanation_keeps_it()
    {
        var job = (await JobOfAsync(2, (id, number) => Some.Item(id, number, Now, null))).Id;
        await Store.Jobs.DeleteAsync(job, Cancel);
        Clock.Advance(2 * Hour);
        Assert.Equal((2, 0), await PruneAllAsync(Hour, Minute));
        Clock.Advance(2 * Minute);

        Assert.Single(await Store.Explanations.PinAsync([Some.Explanation(0).Id], Cancel));

        Assert.Equal((1, 1), await PruneAllAsync(Hour, Minute));
        Assert.NotNull(await Store.Explanations.FindAsync(Some.Explanation(0).Id, Cancel));
        var next = (await PlannedJobAsync(1)).Id;
        var (_, lease) = await LeaseNextAsync(next);
        await SaveAsync(new ChunkResult(lease, [], [Some.Item(next, 0, Now, null)]));
        Clock.Advance(2 * Hour);
        Assert.Equal((0, 0), await PruneAllAsync(Hour, Minute));
        Clock.Advance(2 * Hour);
        Assert.Equal((0, 0), await PruneAllAsync(Hour, Minute));
    }

    [Fact]
    public async Task An_upload_is_read_as_it_was_sent_until_it_is_too_old()
    {
        var bytes = new byte[300_000];
        new Random(1).NextBytes(bytes);

        var upload = await Store.Uploads.PutAsync(new MemoryStream(bytes), "image/png", 1_000_000, "anna", Cancel);
        Clock.Advance(Minute);
        var empty = await Store.Uploads.PutAsync(new MemoryStream([]), "image/jpeg", 10, cancellationToken: Cancel);

        Assert.Equal((300_000, Digest.Of(bytes)), (upload.Bytes, upload.Sha256));
        AssertSame(upload, (await Store.Uploads.FindAsync(upload.Id, Cancel))!);
        Assert.Equal(bytes, await Store.Uploads.ReadAsync(upload.Id, Cancel));
        Assert.Empty((await Store.Uploads.ReadAsync(empty.Id, Cancel))!);
        Clock.Advance(Hour);
        Assert.Equal(1, await Store.Uploads.DeleteOlderAsync(Hour, cancellationToken: Cancel));
        Assert.Null(await Store.Uploads.FindAsync(upload.Id, Cancel));
        Assert.Null(await Store.Uploads.ReadAsync(upload.Id, Cancel));
        Assert.True(await Store.Uploads.DeleteAsync(empty.Id, Cancel));
        Assert.False(await Store.Uploads.DeleteAsync(empty.Id, Cancel));
    }

    [Fact]
    public async Task An_upload_that_is_too_large_is_refused_and_not_stored()
    {
        await Assert.ThrowsAsync<ArgumentException>(() =>
            Store.Uploads.PutAsync(new MemoryStream(new byte[1001]), "image/png", 1000, cancellationToken: Cancel)
        );

        Clock.Advance(Hour);
        Assert.Equal(0, await Store.Uploads.DeleteOlderAsync(Minute, cancellationToken: Cancel));
        Assert.Equal(
            1000,
            (await Store.Uploads.PutAsync(new MemoryStream(new byte[1000]), "image/png", 1000, cancellationToken: Cancel)).Bytes
        );
    }

    [Theory]
    [InlineData(1)]
    [InlineData(512 << 10)]
    [InlineData((1 << 20) - 1)]
    [InlineData(1 << 20)]
    [InlineData(1_300_000)]
    public async Task An_upload_of_any_number_of_pieces_is_read_as_it_was_sent(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);

        var upload = await Store.Uploads.PutAsync(new Trickle(bytes), "image/png", length, cancellationToken: Cancel);

        Assert.Equal((length, Digest.Of(bytes)), (upload.Bytes, upload.Sha256));
        AssertSame(upload, (await Store.Uploads.FindAsync(upload.Id, Cancel))!);
        Assert.Equal(bytes, await Store.Uploads.ReadAsync(upload.Id, Cancel));
        Assert.True(await Store.Uploads.DeleteAsync(upload.Id, Cancel));
        Assert.Equal(0, await CountUploadPiecesAsync());
    }

    [Fact]
    public async Task An_interrupted_upload_leaves_nothing()
    {
        await Assert.ThrowsAsync<IOException>(() =>
            Store.Uploads.PutAsync(new Trickle(new byte[1_500_000], isInterrupted: true), "image/png", 2_000_000, cancellationToken: Cancel)
        );
        await Assert.ThrowsAsync<ArgumentException>(() =>
            Store.Uploads.PutAsync(new Trickle(new byte[1_500_000]), "image/png", 1_400_000, cancellationToken: Cancel)
        );

        Assert.Equal(0, await CountUploadPiecesAsync());
        Assert.Equal(0, await Store.Uploads.DeleteOlderAsync(-Minute, cancellationToken: Cancel));
    }

    [Fact]
    public async Task Pieces_of_a_crashed_upload_are_deleted_when_they_are_old()
    {
        var crashed = new Trickle(new byte[4 << 20], hangs: true);
        _ = Store.Uploads.PutAsync(crashed, "image/png", 8 << 20, cancellationToken: Cancel); // never ends, as if its process had died
        await crashed.HasHung;
        Assert.InRange(await CountUploadPiecesAsync(), 6, 17); // pieces are stored as they arrive, the last mebibyte is buffered
        Clock.Advance(Minute);
        var upload = await Store.Uploads.PutAsync(new MemoryStream(new byte[1000]), "image/png", 1000, cancellationToken: Cancel);

        Clock.Advance(Hour);
        Assert.Equal(0, await Store.Uploads.DeleteOlderAsync(Hour + Minute / 2, cancellationToken: Cancel));

        Assert.Equal(1, await CountUploadPiecesAsync());
        Assert.NotNull(await Store.Uploads.ReadAsync(upload.Id, Cancel));
    }

    /// <summary>Counts the pieces of uploads in the store.</summary>
    protected abstract Task<long> CountUploadPiecesAsync();

    /// <summary>Stream that arrives in parts of odd sizes, as over a network.</summary>
    private sealed class Trickle(byte[] bytes, bool isInterrupted = false, bool hangs = false) : Stream
    {
        private readonly TaskCompletionSource _hung = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _position;

        public Task HasHung => _hung.Task;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var left = bytes.Length - _position;
            if (left == 0 && isInterrupted)
                throw new IOException("The connection is closed.");
            if (left == 0 && hangs)
            {
                _hung.TrySetResult();
                await Task.Delay(Timeout.Infinite, CancellationToken.None);
            }
            var count = Math.Min(left, Math.Min(buffer.Length, 65_537));
            bytes.AsMemory(_position, count).CopyTo(buffer);
            _position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() { }
    }

    [Fact]
    public async Task A_provenance_is_stored_once()
    {
        var provenance = new Provenance
        {
            ModelId = "vit_tiny",
            ModelSha256 = Some.Digest("model"),
            ModelShape = "vit/1",
            ModelSource = "hub:timm/vit_tiny@main",
            Preprocessing = "squash 224 bicubic/1",
            Method = "agcam/1",
            Dtype = "float32",
            Device = "cpu",
            SoftwareVersion = "0.1.0",
            Commit = "abc",
            TorchSharpVersion = "0.107.0",
            LibtorchVersion = "2.10.0",
        };

        var id = await Store.Provenances.PutAsync(provenance, Cancel);

        Assert.Equal(id, await Store.Provenances.PutAsync(provenance with { }, Cancel));
        Assert.NotEqual(id, await Store.Provenances.PutAsync(provenance with { Dtype = "float16" }, Cancel));
        Assert.Equal(provenance, await Store.Provenances.FindAsync(id, Cancel));
        Assert.Null(await Store.Provenances.FindAsync(Some.Digest("nothing"), Cancel));
    }

    [Fact]
    public async Task Migrating_again_changes_nothing()
    {
        var job = (await PlannedJobAsync(1)).Id;

        await Store.MigrateAsync(Cancel);

        Assert.Equal(StoreSchema.Version, await Store.SchemaVersionAsync(Cancel));
        Assert.NotNull(await Store.Jobs.FindAsync(job, Cancel));
        Assert.Equal(new RepairReport(0, 0, 0), await Store.RepairAsync(Cancel));
    }
}
