using AgCam.Models;
using AgCam.Models.Hub;
using Xunit;

namespace AgCam.Tests.Models.Hub;

public sealed class HubPullTests : IDisposable
{
    private static readonly HubId Id = HubId.Parse(LocalHub.Repo);
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    private readonly LocalHub _hub = new("models", "timm_vit");
    private readonly TemporaryFolder _cache = new();

    public void Dispose()
    {
        _hub.Dispose();
        _cache.Dispose();
    }

    private HubOptions Options =>
        new()
        {
            Endpoint = _hub.Endpoint,
            CacheFolder = _cache.Path,
            Backoff = TimeSpan.FromMilliseconds(1),
            Timeout = TimeSpan.FromSeconds(5),
        };

    private string ModelFolder => _cache["models--org--tiny-vit"];

    private string[] Blobs =>
        Directory.Exists(Path.Combine(ModelFolder, "blobs")) ? Directory.GetFiles(Path.Combine(ModelFolder, "blobs")) : [];

    private async Task<HubSnapshot> PullAsync(HubOptions? options = null, HubId? id = null)
    {
        using var client = new HubClient(options ?? Options);
        return await client.PullAsync(id ?? Id, null, Cancel);
    }

    private async Task<ModelException> RefusedAsync(HubOptions? options = null, HubId? id = null) =>
        await Assert.ThrowsAsync<ModelException>(() => PullAsync(options, id));

    [Fact]
    public async Task Pulled_model_opens_and_equals_the_one_on_the_hub()
    {
        var snapshot = await PullAsync();
        using var checkpoint = Checkpoint.Open(snapshot.Folder);
        Assert.Equal(LocalHub.Sha256(_hub.Files["model.safetensors"]), checkpoint.Sha256);
        Assert.Equal((LocalHub.Commit, false), (snapshot.Commit, snapshot.FromCache));
    }

    [Fact]
    public async Task Cache_has_the_layout_of_Python()
    {
        await PullAsync();
        Assert.Equal(LocalHub.Commit, File.ReadAllText(Path.Combine(ModelFolder, "refs", "main")));
        foreach (
            var (name, etag) in new[]
            {
                ("model.safetensors", LocalHub.Sha256(_hub.Files["model.safetensors"])),
                ("config.json", LocalHub.GitId(_hub.Files["config.json"])),
            }
        )
        {
            Assert.Equal(_hub.Files[name], File.ReadAllBytes(Path.Combine(ModelFolder, "blobs", etag)));
            Assert.Equal(
                Path.Combine("..", "..", "blobs", etag),
                new FileInfo(Path.Combine(ModelFolder, "snapshots", LocalHub.Commit, name)).LinkTarget
            );
        }

        Assert.Equal(2, Blobs.Length);
    }

    [Fact]
    public async Task Token_is_sent_only_to_the_hub()
    {
        _hub.RequiredToken = "secret";
        await PullAsync(Options with { Token = "secret" });
        Assert.All(
            _hub.Requests.Where(request => request.Host == "127.0.0.1"),
            request => Assert.Equal("Bearer secret", request.Authorization)
        );
        Assert.NotEmpty(_hub.Transfers);
        Assert.All(_hub.Requests.Where(request => request.Host == "localhost"), request => Assert.Null(request.Authorization));
    }

    [Fact]
    public async Task Renamed_model_is_found_under_its_old_name()
    {
        _hub.FormerRepo = "someone/old-name";
        var snapshot = await PullAsync(id: HubId.Parse("someone/old-name"));
        using var checkpoint = Checkpoint.Open(snapshot.Folder);
        Assert.Equal(10, checkpoint.Config.Classes);
    }

    [Fact]
    public async Task Dropped_connection_is_resumed()
    {
        _hub.BreakOff.Enqueue(300_000);
        _hub.BreakOff.Enqueue(200_000);
        var snapshot = await PullAsync();
        Assert.Equal([0L, 300_000L, 500_000L], _hub.Transfers.Select(request => request.From));
        Assert.Equal(_hub.Files["model.safetensors"], File.ReadAllBytes(Path.Combine(snapshot.Folder, "model.safetensors")));
    }

    [Fact]
    public async Task Attempts_that_receive_bytes_reset_the_count()
    {
        for (var i = 0; i < 10; i++)
            _hub.BreakOff.Enqueue(50_000);
        await PullAsync(Options with { Attempts = 3 });
        Assert.Equal(11, _hub.Transfers.Count());
    }

    [Fact]
    public async Task Next_pull_resumes_a_failed_one()
    {
        _hub.BreakOff.Enqueue(300_000);
        for (var i = 0; i < 5; i++)
            _hub.BreakOff.Enqueue(0);
        var error = await RefusedAsync(Options with { Attempts = 3 });
        Assert.Equal(ModelFailure.HubUnreachable, error.Reason);
        Assert.Single(Blobs, path => path.EndsWith(".incomplete", StringComparison.Ordinal));
        Assert.Null(new HubCache(_cache.Path).Find(Id));
        Assert.False(File.Exists(Path.Combine(ModelFolder, "snapshots", LocalHub.Commit, "model.safetensors")));

        _hub.BreakOff.Clear();
        await PullAsync();
        Assert.Equal(300_000, _hub.Transfers.Last().From);
        Assert.DoesNotContain(Blobs, path => path.EndsWith(".incomplete", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Download_restarts_when_the_server_ignores_ranges()
    {
        _hub.IgnoresRanges = true;
        _hub.BreakOff.Enqueue(300_000);
        var snapshot = await PullAsync();
        Assert.Equal(_hub.Files["model.safetensors"], File.ReadAllBytes(Path.Combine(snapshot.Folder, "model.safetensors")));
    }

    [Fact]
    public async Task Bytes_with_another_hash_are_refused_and_deleted()
    {
        _hub.Tamper = bytes =>
        {
            var changed = (byte[])bytes.Clone();
            changed[^1] ^= 1;
            return changed;
        };
        var error = await RefusedAsync();
        Assert.Equal(ModelFailure.HubBadAnswer, error.Reason);
        Assert.Contains("hash", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, _hub.Transfers.Count());
        Assert.Single(Blobs); // config.json
        Assert.Null(new HubCache(_cache.Path).Find(Id));
    }

    [Fact]
    public async Task Wrong_partial_download_is_deleted()
    {
        var blobs = Path.Combine(ModelFolder, "blobs");
        Directory.CreateDirectory(blobs);
        var bytes = _hub.Files["model.safetensors"];
        File.WriteAllBytes(Path.Combine(blobs, $"{LocalHub.Sha256(bytes)}.incomplete"), new byte[1000]);
        var snapshot = await PullAsync();
        Assert.Equal([1000L, 0L], _hub.Transfers.Select(request => request.From));
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(snapshot.Folder, "model.safetensors")));
    }

    [Fact]
    public async Task More_bytes_than_announced_are_refused()
    {
        _hub.Tamper = bytes => [.. bytes, .. new byte[500_000]];
        Assert.Equal(ModelFailure.HubBadAnswer, (await RefusedAsync()).Reason);
    }

    [Fact]
    public async Task Model_larger_than_the_free_disk_space_is_not_downloaded()
    {
        _hub.ClaimedSize = 1L << 60;
        var error = await RefusedAsync();
        Assert.Equal(ModelFailure.CacheUnwritable, error.Reason);
        Assert.Empty(_hub.Transfers);
    }

    [Fact]
    public async Task Busy_server_is_retried()
    {
        _hub.Refuse.Enqueue((429, ""));
        _hub.Refuse.Enqueue((503, ""));
        Assert.Equal(LocalHub.Commit, (await PullAsync()).Commit);
    }

    [Theory]
    [InlineData(401, "RepoNotFound", null, ModelFailure.HubUnauthorized, "HF_TOKEN")]
    [InlineData(401, "", "wrong", ModelFailure.HubUnauthorized, "rejected HF_TOKEN")]
    [InlineData(401, "GatedRepo", null, ModelFailure.HubUnauthorized, "accept its conditions")]
    [InlineData(403, "GatedRepo", "mine", ModelFailure.HubForbidden, "accept its conditions")]
    [InlineData(403, "", "mine", ModelFailure.HubForbidden, "may not read")]
    [InlineData(404, "RevisionNotFound", null, ModelFailure.HubNotFound, "no revision")]
    [InlineData(404, "", null, ModelFailure.HubNotFound, "was not found")]
    [InlineData(500, "", null, ModelFailure.HubUnreachable, "500")]
    [InlineData(418, "", null, ModelFailure.HubBadAnswer, "HF_ENDPOINT")]
    public async Task Refusal_names_the_next_step(int status, string code, string? token, string reason, string says)
    {
        _hub.RefuseAll = (status, code);
        var error = await RefusedAsync(Options with { Token = token });
        Assert.Equal(reason, error.Reason);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        if (token is not null)
            Assert.DoesNotContain($"{token} ", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silent_server_times_out()
    {
        _hub.IsSilent = true;
        var error = await RefusedAsync(Options with { Timeout = TimeSpan.FromMilliseconds(50), Attempts = 2 });
        Assert.Equal(ModelFailure.HubUnreachable, error.Reason);
        Assert.Equal(2, _hub.Requests.Count);
    }

    [Fact]
    public async Task Offline_mode_uses_only_the_cache()
    {
        var error = await RefusedAsync(Options with { Offline = true });
        Assert.Equal(ModelFailure.HubOffline, error.Reason);
        Assert.Empty(_hub.Requests);

        var online = await PullAsync();
        var asked = _hub.Requests.Count;
        var offline = await PullAsync(Options with { Offline = true });
        Assert.Equal((online.Folder, true, asked), (offline.Folder, offline.FromCache, _hub.Requests.Count));
    }

    [Fact]
    public async Task Cached_copy_is_used_without_a_connection()
    {
        var before = await PullAsync();
        _hub.RefuseAll = (500, "");
        var after = await PullAsync();
        Assert.Equal((before.Folder, true), (after.Folder, after.FromCache));
    }

    [Fact]
    public async Task Present_files_are_not_downloaded_again()
    {
        await PullAsync();
        await PullAsync();
        Assert.Single(_hub.Transfers);
        Assert.Equal(2, _hub.Requests.Count(request => request.Path.StartsWith("/api/", StringComparison.Ordinal)));

        var asked = _hub.Requests.Count;
        await PullAsync(id: HubId.Parse($"{LocalHub.Repo}@{LocalHub.Commit}"));
        Assert.Equal(asked, _hub.Requests.Count); // a commit never changes
    }

    [Fact]
    public async Task Concurrent_pulls_download_once()
    {
        var snapshots = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PullAsync()));
        Assert.Single(_hub.Transfers);
        Assert.Single(snapshots.Select(snapshot => snapshot.Folder).Distinct());
        using var checkpoint = Checkpoint.Open(snapshots[0].Folder);
        Assert.Equal(LocalHub.Sha256(_hub.Files["model.safetensors"]), checkpoint.Sha256);
    }

    [Fact]
    public async Task Cancelled_pull_leaves_no_partial_snapshot()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        using var client = new HubClient(Options);
        var progress = new Callback(update =>
        {
            if (update.File == "model.safetensors")
                cancel.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.PullAsync(Id, progress, cancel.Token));
        Assert.False(File.Exists(Path.Combine(ModelFolder, "snapshots", LocalHub.Commit, "model.safetensors")));
        Assert.Null(client.Cache.CommitOf(Id));
    }

    [Fact]
    public async Task Progress_counts_every_byte()
    {
        _hub.BreakOff.Enqueue(300_000);
        var updates = new List<HubProgress>();
        using var client = new HubClient(Options);
        await client.PullAsync(Id, new Callback(updates.Add), Cancel);
        var weights = updates.Where(update => update.File == "model.safetensors").ToList();
        Assert.Equal(_hub.Files["model.safetensors"].Length, weights[^1].Received);
        Assert.All(weights, update => Assert.Equal(_hub.Files["model.safetensors"].Length, update.Total));
        Assert.Equal(weights.Select(update => update.Received).Order(), weights.Select(update => update.Received));
    }

    [Fact]
    public async Task Pickle_is_not_pulled()
    {
        _hub.Files["pytorch_model.bin"] = _hub.Files["model.safetensors"];
        _hub.Files.Remove("model.safetensors");
        var error = await RefusedAsync();
        Assert.Equal(ModelFailure.PickleNotImported, error.Reason);
        Assert.Contains("agcam models import FILE --out", error.Message, StringComparison.Ordinal);
        Assert.Empty(Blobs);
    }

    [Fact]
    public async Task Shards_are_pulled_by_their_index()
    {
        Shards.Split(_hub.Files);
        var snapshot = await PullAsync();
        Assert.Equal(2, _hub.Transfers.Count());
        using var checkpoint = Checkpoint.Open(snapshot.Folder);
        using var whole = Checkpoint.Open(Fixture.Path("models", "timm_vit"));
        Assert.All(whole.Weights, pair => Assert.True(pair.Value.Bytes.SequenceEqual(checkpoint.Weights[pair.Key].Bytes)));
    }

    private sealed class Callback(Action<HubProgress> action) : IProgress<HubProgress>
    {
        public void Report(HubProgress value) => action(value);
    }
}
