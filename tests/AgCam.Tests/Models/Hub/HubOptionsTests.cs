using AgCam.Models;
using AgCam.Models.Hub;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Tests.Models.Hub;

public class HubOptionsTests
{
    private static HubOptions From(params (string Name, string Value)[] variables) =>
        HubOptions.FromEnvironment(name => variables.FirstOrDefault(variable => variable.Name == name).Value);

    [Fact]
    public void Default_cache_folder_equals_that_of_Python()
    {
        var options = From();
        Assert.Equal("https://huggingface.co", options.Endpoint);
        Assert.EndsWith(Path.Combine(".cache", "huggingface", "hub"), options.CacheFolder, StringComparison.Ordinal);
        Assert.Equal((null, false, TimeSpan.FromSeconds(10)), (options.Token, options.Offline, options.Timeout));
    }

    [Fact]
    public void More_specific_variable_wins()
    {
        Assert.Equal("/data/hf/hub", From(("HF_HOME", "/data/hf")).CacheFolder);
        Assert.Equal("/data/cache", From(("HF_HOME", "/data/hf"), ("HF_HUB_CACHE", "/data/cache")).CacheFolder);
        Assert.Equal("/xdg/huggingface/hub", From(("XDG_CACHE_HOME", "/xdg")).CacheFolder);
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("true", true)]
    [InlineData("YES", true)]
    [InlineData("0", false)]
    [InlineData("", false)]
    public void Offline_variable_is_parsed_as_in_Python(string value, bool offline) =>
        Assert.Equal(offline, From(("HF_HUB_OFFLINE", value)).Offline);

    [Theory]
    [InlineData("HF_ENDPOINT", "ftp://mirror")]
    [InlineData("HF_ENDPOINT", "mirror.example")]
    [InlineData("HF_HUB_DOWNLOAD_TIMEOUT", "soon")]
    [InlineData("HF_HUB_DOWNLOAD_TIMEOUT", "-1")]
    [InlineData("HF_TOKEN", "hf_one\nhf_two")]
    public void Invalid_variable_is_named(string name, string value) =>
        Assert.Contains(name, Assert.Throws<ModelException>(() => From((name, value))).Message, StringComparison.Ordinal);

    [Fact]
    public void Token_is_never_shown() =>
        Assert.DoesNotContain("hf_secret", From(("HF_TOKEN", "hf_secret")).ToString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("org/name", "org/name", "main")]
    [InlineData("timm/vit_base_patch16_224.augreg2_in21k_ft_in1k@v1", "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k", "v1")]
    public void Hub_id_is_a_name_and_a_revision(string text, string repo, string revision)
    {
        var id = HubId.Parse(text);
        Assert.Equal((repo, revision), (id.Repo, id.Revision));
    }

    [Theory]
    [InlineData("name")]
    [InlineData("../name")]
    [InlineData("org/..")]
    [InlineData("org/na--me")]
    [InlineData("org/name@../main")]
    [InlineData("org/name@a//b")]
    [InlineData("org/name/more")]
    [InlineData("org/name\n")]
    [InlineData("org/na me")]
    [InlineData("")]
    public void Text_that_could_leave_the_folder_is_no_hub_id(string text) => Assert.False(HubId.TryParse(text, out _));

    [Property(MaxTest = 1_000)]
    public bool A_hub_id_never_leaves_the_cache(string organisation, string name, string revision)
    {
        if (!HubId.TryParse($"{organisation}/{name}@{revision}", out var id))
            return true;
        var cache = new HubCache("/cache");
        return Path.GetFullPath(cache.Snapshot(id.Repo, "c")).StartsWith("/cache/models--", StringComparison.Ordinal)
            && Path.GetFullPath(Path.Combine(cache.ModelFolder(id.Repo), "refs", id.Revision))
                .StartsWith("/cache/models--", StringComparison.Ordinal);
    }
}
