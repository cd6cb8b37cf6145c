using AgCam.Models;
using AgCam.Models.Hub;
using Xunit;

namespace AgCam.Tests.Models.Hub;

public sealed class HubCacheTests : IDisposable
{
    private const string Commit = "aabbccddeeff00112233445566778899aabbccdd";

    private readonly TemporaryFolder _cache = new();

    public void Dispose() => _cache.Dispose();

    /// <summary>Writes the files of Python's snapshot_download("google/tiny-vit", revision=...).</summary>
    private void MakeAsPythonDoes(string revision = "main", params string[] left)
    {
        var model = _cache["models--google--tiny-vit"];
        var snapshot = Path.Combine(model, "snapshots", Commit);
        foreach (var folder in new[] { Path.Combine(model, "blobs"), snapshot, Path.Combine(model, ".no_exist", Commit) })
            Directory.CreateDirectory(folder);
        foreach (var name in new[] { "config.json", "preprocessor_config.json", "model.safetensors" }.Except(left))
        {
            var bytes = File.ReadAllBytes(Fixture.Path("models", "hf_vit", name));
            var etag = name == "model.safetensors" ? LocalHub.Sha256(bytes) : LocalHub.GitId(bytes);
            File.WriteAllBytes(Path.Combine(model, "blobs", etag), bytes);
            File.CreateSymbolicLink(Path.Combine(snapshot, name), $"../../blobs/{etag}");
        }

        var reference = Path.Combine(model, "refs", revision);
        Directory.CreateDirectory(Path.GetDirectoryName(reference)!);
        File.WriteAllText(reference, Commit);
    }

    private ModelSources Sources =>
        new()
        {
            Hub = new HubOptions { CacheFolder = _cache.Path, Offline = true },
        };

    [Fact]
    public async Task Model_that_Python_downloaded_is_used_without_a_download()
    {
        MakeAsPythonDoes();
        using var checkpoint = await ModelReference.ResolveAsync(
            "google/tiny-vit",
            Sources,
            cancellationToken: TestContext.Current.CancellationToken
        );
        Assert.Equal($"google/tiny-vit@{Commit}", checkpoint.Id);
        using var original = Checkpoint.Open(Fixture.Path("models", "hf_vit"));
        Assert.Equal(original.Sha256, checkpoint.Sha256);
        Assert.Equal(original.Config, checkpoint.Config);
    }

    [Theory]
    [InlineData("main", "google/tiny-vit")]
    [InlineData("v1.0", "google/tiny-vit@v1.0")]
    [InlineData("refs/pr/7", "google/tiny-vit@refs/pr/7")]
    [InlineData("main", "google/tiny-vit@aabbccddeeff00112233445566778899aabbccdd")]
    public void Revision_resolves_to_its_commit(string made, string asked)
    {
        MakeAsPythonDoes(made);
        var found = new HubCache(_cache.Path).Find(HubId.Parse(asked));
        Assert.Equal(Path.Combine(_cache["models--google--tiny-vit"], "snapshots", Commit), found);
        Assert.Null(new HubCache(_cache.Path).Find(HubId.Parse("google/tiny-vit@other")));
    }

    [Fact]
    public void List_shows_complete_and_incomplete_models()
    {
        MakeAsPythonDoes();
        Directory.CreateDirectory(_cache["datasets--someone--pictures"]);
        var model = Assert.Single(new HubCache(_cache.Path).List());
        Assert.Equal(("google/tiny-vit", Commit, true), (model.Repo, model.Commit, model.Complete));
        Assert.Equal(["main"], model.Revisions);
        var files = new[] { "config.json", "preprocessor_config.json", "model.safetensors" };
        Assert.Equal(files.Sum(name => new FileInfo(Fixture.Path("models", "hf_vit", name)).Length), model.Bytes);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("preprocessor_config.json")]
    [InlineData("model.safetensors")]
    public void Model_without_one_of_its_files_is_incomplete(string left)
    {
        MakeAsPythonDoes("main", left);
        Assert.False(Assert.Single(new HubCache(_cache.Path).List()).Complete);
        Assert.Null(new HubCache(_cache.Path).Find(HubId.Parse("google/tiny-vit")));
    }

    [Fact]
    public async Task Preprocessing_missing_from_Pythons_cache_is_downloaded_if_possible()
    {
        using var hub = new LocalHub("models", "hf_vit");
        var options = new HubOptions
        {
            Endpoint = hub.Endpoint,
            CacheFolder = _cache.Path,
            Backoff = TimeSpan.FromMilliseconds(1),
            Attempts = 2,
        };
        using (var client = new HubClient(options))
            File.Delete(Path.Combine((await client.PullAsync(LocalHub.Repo)).Folder, "preprocessor_config.json"));

        foreach (var (offline, refusal) in new (bool, (int, string)?)[] { (true, null), (false, (500, "")), (false, (401, "GatedRepo")) })
        {
            hub.RefuseAll = refusal;
            using var incomplete = await ResolveAsync(options with { Offline = offline });
            Assert.Equal(ModelFailure.NoPreprocessing, Assert.Throws<ModelException>(() => incomplete.Preprocessing).Reason);
        }

        hub.RefuseAll = null;
        using var whole = await ResolveAsync(options);
        Assert.Equal(64, whole.Preprocessing.InputWidth);
    }

    [Fact]
    public async Task Absent_file_is_not_requested_again()
    {
        using var hub = new LocalHub("models", "hf_vit");
        hub.Files.Remove("preprocessor_config.json");
        var options = new HubOptions { Endpoint = hub.Endpoint, CacheFolder = _cache.Path };
        (await ResolveAsync(options)).Dispose();
        var asked = hub.Requests.Count;
        (await ResolveAsync(options)).Dispose();
        Assert.Equal(asked, hub.Requests.Count);
        Assert.True(Assert.Single(new HubCache(_cache.Path).List()).Complete);
    }

    private static Task<Checkpoint> ResolveAsync(HubOptions options) =>
        ModelReference.ResolveAsync(
            LocalHub.Repo,
            new ModelSources { Hub = options },
            cancellationToken: TestContext.Current.CancellationToken
        );

    [Fact]
    public void Link_whose_blob_was_deleted_does_not_count()
    {
        MakeAsPythonDoes();
        foreach (var blob in Directory.GetFiles(Path.Combine(_cache["models--google--tiny-vit"], "blobs")))
            File.Delete(blob);
        Assert.Null(new HubCache(_cache.Path).Find(HubId.Parse("google/tiny-vit")));
        Assert.Equal(0, Assert.Single(new HubCache(_cache.Path).List()).Bytes);
    }

    [Fact]
    public void Empty_or_missing_cache_lists_nothing()
    {
        Assert.Empty(new HubCache(_cache.Path).List());
        Assert.Empty(new HubCache(_cache["nowhere"]).List());
    }
}
