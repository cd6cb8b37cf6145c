using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace AgCam.Cli.Tests.Operating;

/// <summary>Tests that dashboard and alerts query metrics that the program exports.</summary>
public sealed partial class ObservabilityTests(ScrapedRun run) : IClassFixture<ScrapedRun>
{
    /// <summary>Metrics of RabbitMQ's family queue_coarse_metrics (rabbitmq_prometheus, per object).</summary>
    private static readonly Dictionary<string, HashSet<string>> OfRabbitMq = new()
    {
        ["rabbitmq_detailed_queue_messages_ready"] = ["vhost", "queue"],
        ["rabbitmq_detailed_queue_messages_unacked"] = ["vhost", "queue"],
        ["rabbitmq_detailed_queue_messages"] = ["vhost", "queue"],
    };

    /// <summary>Labels that Prometheus and the collector add.</summary>
    private static readonly string[] Added = ["job", "instance", "service_instance_id"];

    private Dictionary<string, HashSet<string>> Known => run.Metrics.Concat(OfRabbitMq).ToDictionary();

    public static TheoryData<string> Queries =>
        new(Dashboard().Select(target => target.Expression).Concat(Alerts().Select(alert => alert.Expression)).Distinct());

    [Theory]
    [MemberData(nameof(Queries))]
    public void Every_metric_and_label_of_a_query_is_exported(string expression)
    {
        var query = PromQuery.Parse(expression);
        Assert.NotEmpty(query.Metrics);
        foreach (var (name, labels) in query.Metrics)
        {
            Assert.True(
                Known.TryGetValue(name, out var known),
                $"{name} is not emitted. There are: "
                    + $"{string.Join(", ", Known.Keys.Where(key => key.StartsWith("agcam", StringComparison.Ordinal)).Order())}"
            );
            Assert.Empty(labels.Concat(query.Labels).Except([.. known, .. Added]));
        }
    }

    [Fact]
    public void Every_legend_names_a_label_that_its_query_leaves()
    {
        foreach (var (title, expression, legend) in Dashboard())
        {
            var query = PromQuery.Parse(expression);
            var left =
                query.Labels.Count > 0 || expression.StartsWith("sum(", StringComparison.Ordinal)
                    ? query.Labels
                    : [.. query.Metrics.SelectMany(metric => Known[metric.Name]), .. Added];
            Assert.True(LegendLabel().Matches(legend).All(label => left.Contains(label.Groups[1].Value)), $"{title}: {legend}");
        }
    }

    [Fact]
    public void Every_documented_metric_is_exported()
    {
        string[] promised =
        [
            "agcam_images_total",
            "agcam_images_found_total",
            "agcam_images_inflight",
            "agcam_batch_size_bucket",
            "agcam_stage_duration_seconds_bucket",
            "agcam_batch_duration_seconds_bucket",
            "agcam_backlog",
            "agcam_backlog_age_seconds",
            "agcam_device_busy_seconds_total",
            "agcam_store_duration_seconds_bucket",
            "agcam_chunk_duration_seconds_bucket",
            "agcam_redeliveries_total",
            "agcam_webhooks_total",
            "agcam_store_size_bytes",
            "agcam_store_free_bytes",
        ];
        Assert.Empty(promised.Except(run.Metrics.Keys));
        Assert.Equal(Stage.All.Order(), run.Stages.Order());
        Assert.Contains("""agcam_images_total{outcome="completed"} 5""", run.Text, StringComparison.Ordinal);
        Assert.Matches("""agcam_images_total\{outcome="failed",reason="[a-z-]+"\} 1\b""", run.Text);
    }

    [Fact]
    public void Every_alert_has_a_line_in_the_runbook_and_every_line_an_alert()
    {
        var alerts = Alerts().Select(alert => alert.Name).ToList();
        Assert.NotEmpty(alerts);
        var section = Repository
            .Read("docs", "operations.md")
            .Split("\n## ")
            .Single(part => part.StartsWith("Alerts\n", StringComparison.Ordinal));
        var lines = RunbookLine().Matches(section).ToDictionary(line => line.Groups[1].Value, line => line.Groups[2].Value);
        Assert.Equal(alerts.Order(), lines.Keys.Order());
        Assert.All(lines.Values, text => Assert.True(text.Length > 40, text));
    }

    private static IEnumerable<(string Title, string Expression, string Legend)> Dashboard()
    {
        using var dashboard = JsonDocument.Parse(Repository.Read("infra", "observability", "grafana", "dashboards", "agcam.json"));
        return
        [
            .. from panel in dashboard.RootElement.GetProperty("panels").EnumerateArray()
            from target in panel.GetProperty("targets").EnumerateArray()
            select (
                panel.GetProperty("title").GetString()!,
                target.GetProperty("expr").GetString()!,
                target.GetProperty("legendFormat").GetString()!
            ),
        ];
    }

    private static List<(string Name, string Expression)> Alerts()
    {
        var text = Repository.Read("infra", "observability", "alerts.yml");
        var alerts = Rule().Matches(text).Select(rule => (rule.Groups[1].Value, rule.Groups[2].Value)).ToList();
        Assert.Equal(text.Split("- alert:").Length - 1, alerts.Count); // every alert was parsed
        return alerts;
    }

    [GeneratedRegex(@"- alert: (\w+)\n\s+expr: (.+)\n")]
    private static partial Regex Rule();

    [GeneratedRegex(@"^\| `(\w+)` \| (.+) \|$", RegexOptions.Multiline)]
    private static partial Regex RunbookLine();

    [GeneratedRegex(@"\{\{(\w+)\}\}")]
    private static partial Regex LegendLabel();
}

/// <summary>Metrics of a running instance after some work, including a broken image.</summary>
public sealed partial class ScrapedRun : IAsyncLifetime
{
    public string Text { get; private set; } = "";

    public Dictionary<string, HashSet<string>> Metrics { get; private set; } = [];

    public IEnumerable<string> Stages => StageLabel().Matches(Text).Select(stage => stage.Groups[1].Value).Distinct();

    public async ValueTask InitializeAsync()
    {
        using var folder = SomeImages.Folder(5);
        using var state = new TemporaryFolder();
        File.WriteAllText(folder["broken.png"], "not a picture");
        var port = ServingProcess.FreePort();
        var metrics = $"http://127.0.0.1:{port}";
        // as in a cluster: every address of the machine
        using var serving = ServingProcess.Start(state["agcam.db"], folder.Path, "--metrics", $"http://*:{port}");
        Assert.Equal(3, serving.Run("submit", folder.Path, "--wait").Code);

        using var client = new HttpClient();
        await Eventually.TrueAsync(async () =>
        {
            using var scrape = new HttpRequestMessage(HttpMethod.Get, metrics + "/metrics") { Headers = { Host = "worker-0.agcam.svc" } };
            using var answer = await client.SendAsync(scrape, TestContext.Current.CancellationToken);
            Text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Metrics = Exposition.Read(Text);
            // Both are read from the store every few seconds.
            return Metrics.ContainsKey("agcam_backlog") && Metrics.ContainsKey("agcam_store_size_bytes");
        });
        Assert.Equal(0, serving.Stop());
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [GeneratedRegex("""agcam_stage_duration_seconds_count\{stage="(\w+)"\}""")]
    private static partial Regex StageLabel();
}
