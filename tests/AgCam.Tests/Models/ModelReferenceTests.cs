using AgCam.Models;
using AgCam.Models.Hub;
using Xunit;

namespace AgCam.Tests.Models;

public sealed class ModelReferenceTests : IDisposable
{
    private readonly TemporaryFolder _cache = new();

    public void Dispose() => _cache.Dispose();

    private ModelSources Sources =>
        new()
        {
            Hub = new HubOptions { CacheFolder = _cache.Path, Offline = true },
            Shipped = name => name == "scenes" ? Fixture.Path("models", "timm_vit_patch8_96") : null,
        };

    private Task<Checkpoint> ResolveAsync(string reference, CheckpointOptions? options = null) =>
        ModelReference.ResolveAsync(reference, Sources, options, TestContext.Current.CancellationToken);

    [Fact]
    public async Task Shipped_model_is_known_by_its_name()
    {
        using var checkpoint = await ResolveAsync("scenes");
        Assert.Equal(("scenes", 8), (checkpoint.Id, checkpoint.Config.PatchSize));
    }

    [Fact]
    public async Task Folder_is_a_model()
    {
        using var checkpoint = await ResolveAsync(Fixture.Path("models", "hf_vit"));
        Assert.Equal(("hf_vit", Fixture.Path("models", "hf_vit")), (checkpoint.Id, checkpoint.Source));
    }

    [Fact]
    public async Task File_beside_its_configuration_opens_the_folder()
    {
        using var checkpoint = await ResolveAsync(Fixture.Path("models", "timm_vit", "model.safetensors"));
        Assert.Equal((4, "timm_vit"), (checkpoint.Config.Heads, checkpoint.Id));
    }

    [Fact]
    public async Task Bare_file_needs_its_architecture()
    {
        var bare = _cache["mine.safetensors"];
        File.Copy(Fixture.Path("models", "torchvision_vit", "model.safetensors"), bare);
        var error = await Assert.ThrowsAsync<ModelException>(() => ResolveAsync(bare));
        Assert.Contains("CheckpointOptions.Architecture", error.Message, StringComparison.Ordinal);
        using var checkpoint = await ResolveAsync(bare, new CheckpointOptions { Architecture = "vit_b_16", Heads = 2 });
        Assert.Equal(("mine", 3), (checkpoint.Id, checkpoint.Config.Depth));
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("./nowhere")]
    [InlineData("/nowhere/at/all")]
    [InlineData("org/model.safetensors")]
    [InlineData("")]
    public async Task Unknown_reference_is_an_error(string reference) =>
        Assert.Equal(ModelFailure.NotFound, (await Assert.ThrowsAsync<ModelException>(() => ResolveAsync(reference))).Reason);

    [Fact]
    public async Task Hub_id_that_is_not_cached_needs_the_network() =>
        Assert.Equal(ModelFailure.HubOffline, (await Assert.ThrowsAsync<ModelException>(() => ResolveAsync("org/name"))).Reason);
}
