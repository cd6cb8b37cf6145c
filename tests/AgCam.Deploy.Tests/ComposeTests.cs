using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace AgCam.Deploy.Tests;

/// <summary>Checks docker-compose.yml with Compose and against the program's settings.</summary>
public sealed partial class ComposeTests
{
    private static readonly Tool DockerCompose = new("compose");

    private static readonly Dictionary<object, object?> Compose = Yaml.Parse(Repository.Read("docker-compose.yml"));

    private static IEnumerable<(string Name, Dictionary<object, object?> Service)> Services =>
        Map(Compose["services"]).Select(pair => ((string)pair.Key, Map(pair.Value)));

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void Docker_Compose_accepts_the_file_with_every_profile()
    {
        var (code, output, errors) = Config(Repository.Read("docker-compose.yml"));
        Assert.True(code == 0, errors);
        Assert.Empty(errors); // and no warnings
        var config = JsonNode.Parse(output)!;
        Assert.Equal(
            Services.Select(service => service.Name).Order(StringComparer.Ordinal),
            config["services"]!.AsObject().Select(service => service.Key).Order(StringComparer.Ordinal)
        );
        foreach (var (name, service) in Services) // Yaml merges as Compose does
            if (service.TryGetValue("environment", out var environment))
                Assert.Equal(
                    Names(Map(environment)).Order(StringComparer.Ordinal),
                    config["services"]![name]!["environment"]!.AsObject().Select(variable => variable.Key).Order(StringComparer.Ordinal)
                );
        Assert.Equal(
            "mongodb://mongo:27017/?replicaSet=rs0",
            (string?)config["services"]!["worker-gpu"]!["environment"]!["Pipeline__Store"]
        );
    }

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("read_only: true", "read_onli: true", "read_onli")]
    [InlineData("start_period: 300s", "start_time: 300s", "start_time")]
    [InlineData("interval: 10s", "interval: often", "often")]
    [InlineData("{condition: service_healthy}", "{condition: service_well}", "condition")]
    [InlineData("    mongo: {condition", "    mango: {condition", "mango")]
    [InlineData("{driver: nvidia, count: 1, capabilities: [gpu]}", "{driver: nvidia, count: 1}", "capabilities")]
    [InlineData("[mongo:/data/db]", "[mongodb:/data/db]", "mongodb")]
    [InlineData("  inside:\n    internal: true", "  within:\n    internal: true", "inside")]
    [InlineData("{source: bus, target", "{source: tram, target", "tram")]
    [InlineData("services:\n", "service:\n", "service")]
    [InlineData("AGCAM_BROKER_PASSWORD:?", "AGCAM_BROKER_PASWORD:?", "see the head of docker-compose.yml")]
    public void Docker_Compose_refuses_misspelt_keys(string right, string wrong, string named)
    {
        var text = Repository.Read("docker-compose.yml");
        Assert.Contains(right, text);
        var (code, _, errors) = Config(text.Replace(right, wrong));
        Assert.NotEqual(0, code);
        Assert.Contains(named, errors);
    }

    [Fact]
    public void References_of_services_exist()
    {
        foreach (var (_, service) in Services)
        {
            foreach (var part in new[] { "networks", "secrets" })
            foreach (var used in List(service.GetValueOrDefault(part)))
                Assert.Contains(
                    used is Dictionary<object, object?> map ? (string)map["source"]! : (string)used!,
                    Names(Map(Compose[part]))
                );
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
    public void Third_party_images_are_pinned_by_version_and_digest()
    {
        foreach (var (name, service) in Services.Where(service => !service.Service.ContainsKey("build")))
            Assert.True(Version().IsMatch((string)service["image"]!), $"{name}: {service["image"]} names no version and digest.");
    }

    [Fact]
    public void Every_container_has_a_memory_limit()
    {
        foreach (var (name, service) in Services)
            Assert.True(Memory().IsMatch(service.GetValueOrDefault("mem_limit") as string ?? ""), $"{name} has no mem_limit.");
    }

    [Fact]
    public void Every_setting_is_read_by_the_program()
    {
        var ours = Services.Where(service => service.Service.ContainsKey("build")).ToList();
        Assert.Equal(["api", "worker", "worker-gpu"], ours.Select(service => service.Name));
        foreach (var (_, service) in ours)
            Assert.Empty(Settings.Unknown(Names(Map(service["environment"]))));
        Assert.NotEmpty(Settings.Unknown(["Pipeline__Prefx", "Worker__WarmUp", "Api__Keys__Name"])); // the check finds misspelt settings
    }

    [Fact]
    public void API_and_workers_have_no_capabilities_and_write_only_to_tmp()
    {
        foreach (var (_, service) in Services.Where(service => service.Service.ContainsKey("build")))
        {
            Assert.Equal("true", service["read_only"]);
            Assert.Equal(["ALL"], List(service["cap_drop"]));
            Assert.Equal(["no-new-privileges:true"], List(service["security_opt"]));
            Assert.Matches(@"^/tmp:size=\d+m,mode=1777$", (string)Assert.Single(List(service["tmpfs"]))!);
        }
    }

    /// <summary>Compose copies other kinds of secrets into the container, whose root is read-only.</summary>
    [Fact]
    public void Secrets_are_files()
    {
        Assert.All(Map(Compose["secrets"]), secret => Assert.Equal("file", Assert.Single(Names(Map(secret.Value)))));
        Assert.DoesNotContain("configs", Names(Compose));
    }

    [Fact]
    public void Ports_are_published_on_loopback_only()
    {
        foreach (var (_, service) in Services)
            Assert.All(List(service.GetValueOrDefault("ports")), port => Assert.StartsWith("127.0.0.1:", (string)port!));
    }

    [Fact]
    public void Stop_grace_period_exceeds_the_stop_times() =>
        Assert.All(
            Services.Where(service => service.Service.ContainsKey("build")),
            service =>
                Assert.True(
                    int.Parse(((string)service.Service["stop_grace_period"]!).TrimEnd('s')) > new Pipeline.PipelineOptions().ShutdownSeconds
                )
        );

    /// <summary>Runs `docker compose config` on a file with every profile. It needs no engine.</summary>
    private static (int Code, string Output, string Errors) Config(string text)
    {
        var folder = Directory.CreateTempSubdirectory("agcam-compose-").FullName;
        try
        {
            var (file, settings) = (Path.Combine(folder, "docker-compose.yml"), Path.Combine(folder, "settings"));
            File.WriteAllText(file, text);
            File.WriteAllText(settings, "AGCAM_BROKER_PASSWORD=a\nAGCAM_API_KEY_SHA256=b\n");
            return DockerCompose.Run(
                "--project-directory",
                Repository.Root,
                "--env-file",
                settings,
                "--file",
                file,
                "--profile",
                "*",
                "config",
                "--format",
                "json"
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Dictionary<object, object?> Map(object? value) => Assert.IsType<Dictionary<object, object?>>(value);

    private static IEnumerable<object?> List(object? value) => value is null ? [] : Assert.IsType<List<object?>>(value);

    private static IEnumerable<string> Names(Dictionary<object, object?> map) => map.Keys.Cast<string>();

    [GeneratedRegex(@":(v?\d+\.\d+\.\d+(-[a-z]+)?|RELEASE\.[0-9TZ-]+)@sha256:[0-9a-f]{64}$")]
    private static partial Regex Version();

    [GeneratedRegex(@"^(\$\{AGCAM_[A-Z]+_MEMORY:-)?\d+[mg]\}?$")]
    private static partial Regex Memory();
}
