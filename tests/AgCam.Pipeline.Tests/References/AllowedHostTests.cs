using AgCam.Pipeline.References;
using Xunit;

namespace AgCam.Pipeline.Tests.References;

public sealed class AllowedHostTests
{
    [Theory]
    [InlineData("images.example.org", "http://images.example.org/a.png", true)]
    [InlineData("images.example.org", "https://images.example.org/a.png", true)]
    [InlineData("images.example.org", "https://IMAGES.example.org:80/a.png", true)]
    [InlineData("images.example.org", "https://images.example.org:8443/a.png", false)]
    [InlineData("images.example.org", "http://images.example.org:22/", false)]
    [InlineData("images.example.org", "http://evil.example/", false)]
    [InlineData("images.example.org:8443", "https://images.example.org:8443/a.png", true)]
    [InlineData("images.example.org:8443", "https://images.example.org/a.png", false)]
    [InlineData("images.example.org:443", "http://images.example.org/a.png", false)]
    [InlineData("*.example.org", "https://a.b.example.org/", true)]
    [InlineData("*.example.org", "https://example.org/", false)]
    [InlineData("*.example.org", "https://notexample.org/", false)]
    [InlineData("*.example.org:8080", "http://a.example.org:8080/", true)]
    [InlineData("*.example.org:8080", "http://a.example.org/", false)]
    [InlineData("10.1.2.3:9000", "http://10.1.2.3:9000/", true)]
    [InlineData("2001:db8::1", "http://[2001:db8::1]/", true)]
    [InlineData("[2001:db8::1]", "https://[2001:db8::1]/", true)]
    [InlineData("[2001:db8::1]:8443", "https://[2001:db8::1]:8443/", true)]
    [InlineData("[2001:db8::1]:8443", "https://[2001:db8::1]/", false)]
    public void Host_is_called_on_its_allowed_ports_only(string allowed, string address, bool allows) =>
        Assert.Equal(allows, AllowedHost.Parse(allowed, "Hosts").Allows(new Uri(address)));

    [Theory]
    [InlineData("")]
    [InlineData("*.")]
    [InlineData("*")]
    [InlineData("images.example.org/a")]
    [InlineData("https://images.example.org")]
    [InlineData("images.example.org:")]
    [InlineData("images.example.org:https")]
    [InlineData("images.example.org:-1")]
    [InlineData("images.example.org:65536")]
    [InlineData("[2001:db8::1]:x")]
    [InlineData("user@images.example.org")]
    public void Invalid_host_is_refused_by_the_name_of_its_setting(string text)
    {
        var refused = Assert.Throws<OptionsException>(() => AllowedHost.Parse(text, "Pipeline:References:Hosts"));
        Assert.StartsWith("Pipeline:References:Hosts: ", refused.Message);
    }

    [Theory]
    [InlineData("https://hooks.example.org/completed")]
    [InlineData("http://hooks.example.org:8080/completed")]
    [InlineData("http://[2001:db8::1]:8080/completed")]
    public void Host_and_port_of_an_address_allow_that_address(string address) =>
        Assert.True(AllowedHost.Parse(AllowedHost.Of(new Uri(address)), "Hosts").Allows(new Uri(address)));
}
