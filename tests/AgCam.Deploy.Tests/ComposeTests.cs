using System.Text.RegularExpressions;

namespace AgCam.Deploy.Tests;

/// <summary>docker-compose.yml against what Compose and the program know.</summary>
public sealed partial class ComposeTests
{
    /// <summary>Those of the Compose specification that the file uses, by where they stand.</summary>
    private static readonly Dictionary<string, string[]> Keys = new()
    {
        ["top"] = ["name", "services", "configs", "networks", "volumes"],
        ["service"] =
        [
            "image", "build", "command", "environment", "ports", "networks", "volumes", "configs", "healthcheck", "restart", "read_only", "tmpfs", "cap_drop", "security_opt",
            "init", "stop_grace_period", "depends_on", "profiles", "deploy", "hostname",
        ],
        ["build"] = ["context", "dockerfile", "args"],
        ["healthcheck"] = ["test", "interval", "timeout", "retries", "start_period"],
    };

    private static readonly Dictionary<object, object?> Compose = Repository.Yaml(Repository.Text("docker-compose.yml"));

    private static IEnumerable<(string Name, Dictionary<object, object?> Service)> Services => Map(Compose["services"]).Select(pair => ((string)pair.Key, Map(pair.Value)));

    [Fact]
    public void Every_key_is_one_of_the_specification()
    {
        Assert.Empty(Names(Compose).Where(key => !key.StartsWith("x-")).Except(Keys["top"]));
        foreach (var (name, service) in Services)
        {
            Assert.Empty(Names(service).Except(Keys["service"]));
            if (service.TryGetValue("build", out var build))
                Assert.Empty(Names(Map(build)).Except(Keys["build"]));
            if (service.TryGetValue("healthcheck", out var health))
                Assert.Empty(Names(Map(health)).Except(Keys["healthcheck"]));
            Assert.True(service.ContainsKey("image"), $"{name} names no image.");
        }
    }

    [Fact]
    public void What_services_refer_to_is_there()
    {
        foreach (var (_, service) in Services)
        {
            foreach (var part in new[] { "networks", "configs" })
                foreach (var used in List(service.GetValueOrDefault(part)))
                    Assert.Contains(used is Dictionary<object, object?> map ? (string)map["source"]! : (string)used!, Names(Map(Compose[part])));
            if (service.TryGetValue("depends_on", out var needs))
                Assert.Empty(Names(Map(needs)).Except(Services.Select(known => known.Name)));
            foreach (var volume in List(service.GetValueOrDefault("volumes")).Cast<string>())
            {
                var source = volume.Split(':')[0];
                if (source.StartsWith("./"))
                    Assert.True(Path.Exists(Repository.PathOf(source)), $"{source} is mounted, but not in the repository.");
                else if (!source.StartsWith('$'))
                    Assert.Contains(source, Names(Map(Compose["volumes"])));
            }
            if (service.TryGetValue("build", out var build))
                Assert.True(File.Exists(Repository.PathOf((string)Map(build)["dockerfile"]!)));
        }
    }

    [Fact]
    public void Images_of_others_are_pinned_by_version()
    {
        foreach (var (name, service) in Services.Where(service => !service.Service.ContainsKey("build")))
            Assert.True(Version().IsMatch((string)service["image"]!), $"{name}: {service["image"]} names no version.");
    }

    [Fact]
    public void Every_setting_is_one_that_the_program_reads()
    {
        var ours = Services.Where(service => service.Service.ContainsKey("build")).ToList();
        Assert.Equal(["api", "worker", "worker-gpu"], ours.Select(service => service.Name));
        foreach (var (_, service) in ours)
            Assert.Empty(Settings.Unknown(Names(Map(service["environment"]))));
        Assert.NotEmpty(Settings.Unknown(["Pipeline__Prefx", "Worker__WarmUp", "Api__Keys__Name"])); // a misspelt one would be found
    }

    [Fact]
    public void Our_processes_may_write_nothing_but_tmp_and_have_no_rights()
    {
        foreach (var (_, service) in Services.Where(service => service.Service.ContainsKey("build")))
        {
            Assert.Equal("true", service["read_only"]);
            Assert.Equal(["ALL"], List(service["cap_drop"]));
            Assert.Equal(["no-new-privileges:true"], List(service["security_opt"]));
            Assert.Equal(["/tmp"], List(service["tmpfs"]));
        }
    }

    [Fact]
    public void No_port_is_open_to_other_machines()
    {
        foreach (var (_, service) in Services)
            Assert.All(List(service.GetValueOrDefault("ports")), port => Assert.StartsWith("127.0.0.1:", (string)port!));
    }

    [Fact]
    public void A_stop_is_given_more_time_than_it_takes() =>
        Assert.All(Services.Where(service => service.Service.ContainsKey("build")), service =>
            Assert.True(int.Parse(((string)service.Service["stop_grace_period"]!).TrimEnd('s')) > new Pipeline.PipelineOptions().ShutdownSeconds));

    private static Dictionary<object, object?> Map(object? value) => Assert.IsType<Dictionary<object, object?>>(value);

    private static IEnumerable<object?> List(object? value) => value is null ? [] : Assert.IsType<List<object?>>(value);

    private static IEnumerable<string> Names(Dictionary<object, object?> map) => map.Keys.Cast<string>();

    [GeneratedRegex(@":(v?\d+\.\d+\.\d+(-[a-z]+)?|RELEASE\.[0-9TZ-]+)$")]
    private static partial Regex Version();
}
