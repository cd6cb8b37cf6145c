using System.Diagnostics;

namespace AgCam.Deploy.Tests;

/// <summary>Tests the alert rules with Prometheus' promtool.</summary>
public sealed class AlertTests
{
    private const string Skipped = "promtool is not installed: apt-get install prometheus";

    public static bool IsThere => Program is not null;

    private static string? Program { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':')
            .Select(folder => Path.Combine(folder, "promtool"))
            .FirstOrDefault(File.Exists);

    [Theory(SkipUnless = nameof(IsThere), Skip = Skipped)]
    [InlineData("check", "rules", "alerts.yml")]
    [InlineData("check", "config", "prometheus.yml")]
    [InlineData("test", "rules", "alerts.test.yml")]
    public async Task Promtool_accepts_rules_configuration_and_cases(string verb, string kind, string file)
    {
        var (code, said) = await RunAsync(verb, kind, Repository.PathOf("infra", "observability", file));
        Assert.True(code == 0, said);
    }

    /// <summary>Breaks a rule so that it counts API pods as idle devices.</summary>
    [Fact(SkipUnless = nameof(IsThere), Skip = Skipped)]
    public async Task Promtool_refuses_a_rule_that_fires_for_busy_workers()
    {
        var folder = Directory.CreateTempSubdirectory("agcam-alerts-").FullName;
        try
        {
            var rules = Repository.Read("infra", "observability", "alerts.yml");
            const string right = "avg(rate(agcam_device_busy_seconds_total[15m]))";
            var wrong = rules.Replace(right, $"{right.Replace("avg", "sum")} / count(agcam_backlog) / 2");
            Assert.NotEqual(rules, wrong);
            File.WriteAllText(Path.Combine(folder, "alerts.yml"), wrong);
            File.Copy(Repository.PathOf("infra", "observability", "alerts.test.yml"), Path.Combine(folder, "alerts.test.yml"));
            var (code, said) = await RunAsync("test", "rules", Path.Combine(folder, "alerts.test.yml"));
            Assert.NotEqual(0, code);
            Assert.Contains("AgcamDeviceIdle", said);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not()
    {
        var rules = Items(Read("alerts.yml")["groups"]).SelectMany(group => Items(group["rules"]));
        var alerts = rules.Select(rule => (string)rule["alert"]!).ToList();
        var cases = Items(Read("alerts.test.yml")["tests"]).SelectMany(test => Items(test["alert_rule_test"])).ToList();
        Assert.NotEmpty(alerts);
        Assert.Equal(alerts.Order(), Named(fires: true));
        Assert.Equal(alerts.Order(), Named(fires: false));

        IEnumerable<string> Named(bool fires) =>
            cases.Where(tried => Items(tried["exp_alerts"]).Any() == fires).Select(tried => (string)tried["alertname"]!).Distinct().Order();
    }

    private static Dictionary<object, object?> Read(string file) => Yaml.Parse(Repository.Read("infra", "observability", file));

    private static IEnumerable<Dictionary<object, object?>> Items(object? list) =>
        Assert.IsType<List<object?>>(list).Cast<Dictionary<object, object?>>();

    private static async Task<(int Code, string Said)> RunAsync(params string[] arguments)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var start = new ProcessStartInfo(Program!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, errors) = (
            process.StandardOutput.ReadToEndAsync(cancellationToken),
            process.StandardError.ReadToEndAsync(cancellationToken)
        );
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, $"{await output}\n{await errors}");
    }
}
