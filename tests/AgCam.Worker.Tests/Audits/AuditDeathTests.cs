using System.IO.Compression;
using System.Text;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.TestHost;
using AgCam.Worker.Tests.Running;
using Xunit;

namespace AgCam.Worker.Tests.Audits;

/// <summary>Kills real processes while they audit, and compares the result with that of an undisturbed run.</summary>
public sealed class AuditDeathTests
{
    private static readonly string Shipped = Path.Combine(Path.GetDirectoryName(Hosts.Program)!, "shipped");
    private static readonly string Pictures = Path.Combine(Shipped, "pictures");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_process_with_SQLite_audits_the_same_after_any_kill()
    {
        using var folder = new Folder();
        var database = Path.Combine(folder.Path, "agcam.db");
        await using var store = PipelineRegistration.OpenStore(new PipelineOptions { Store = database });
        await store.MigrateAsync(Cancel);
        string[] serve = ["role=serve", $"store={database}", $"root={Pictures}", "engine=model", "lease=5"];

        var quiet = await AuditAsync(store, serve);
        Assert.Equal(quiet, await AuditAsync(store, serve, "after-write:1", "before-audit:1", "mid-audit:1", "after-audit:1"));
    }

    [Trait("RabbitMQ", "whole")]
    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Workers_on_a_broker_audit_the_same_after_any_kill()
    {
        Assert.SkipWhen(MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        await using var broker = await Broker.OpenAsync();
        var options = new PipelineOptions { Store = MongoServer.Uri!, Database = MongoServer.NewName() };
        string[] common =
        [
            $"store={options.Store}",
            $"database={options.Database}",
            $"bus={broker.Uri}",
            $"prefix={broker.Prefix}",
            $"root={Pictures}",
            "engine=model",
            "lease=4",
            "visibility=5",
            "drain=0",
        ];
        await using var store = PipelineRegistration.OpenStore(options);
        try
        {
            await store.MigrateAsync(Cancel);
            await using var api = await Hosts.Start([.. common, "role=api"]).ReadyAsync(180);
            string[] worker = [.. common, "role=worker"];
            var quiet = await AuditAsync(store, worker);
            Assert.Equal(quiet, await AuditAsync(store, worker, "before-audit:1", "mid-audit:1", "after-audit:1"));
        }
        finally
        {
            await MongoServer.DropAsync(options.Database);
        }
    }

    /// <summary>
    /// Submits an audit to processes that are killed, and returns the result of the last one. A second call uses the explanations of the
    /// first, whose batches decide the last digits.
    /// </summary>
    private static async Task<string> AuditAsync(IStore store, string[] process, params string[] kills)
    {
        var job = await CreateAsync(store);
        foreach (var kill in kills)
        {
            await using var mortal = Hosts.Start([.. process, $"kill={kill}"]);
            Assert.True(await mortal.DiesAsync(180), $"{kill}: {mortal.Said}");
        }
        await using var last = Hosts.Start(process);
        return await ResultAsync(store, job, last);
    }

    private sealed class Folder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("agcam-tests").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }

    private static async Task<Guid> CreateAsync(IStore store)
    {
        var models = new ModelCatalog(new Dictionary<string, string> { ["scenes"] = Path.Combine(Shipped, "model") });
        var spec = new JobSpec
        {
            Source = $"manifest:{Path.Combine(Pictures, "metadata.jsonl")}",
            Model = await models.PinAsync("scenes", Cancel),
            Audit = new AuditSpec(),
        };
        return (await store.Jobs.CreateAsync(spec, cancellationToken: Cancel)).Job.Id;
    }

    /// <summary>Waits for the job to complete, and returns its report and its findings.</summary>
    private static async Task<string> ResultAsync(IStore store, Guid id, params HostProcess[] processes)
    {
        Job? ended = null;
        await Eventually.TrueAsync(
            async () => (ended = (await store.Jobs.FindAsync(id, Cancel))!).State != JobState.Running,
            () => Task.FromResult($"{ended!.Progress}\n{string.Join("\n----\n", processes.Select(process => process.Said))}"),
            seconds: 300
        );
        Assert.True(ended!.State == JobState.Completed, $"{ended.State}: {ended.Reason}");
        await using var report = new GZipStream(
            new MemoryStream((await store.Audits.ReportAsync(id, Cancel))!),
            CompressionMode.Decompress
        );
        var text = new StringBuilder(await new StreamReader(report).ReadToEndAsync(Cancel));
        var page = await store.Audits.PageAsync(new FindingQuery { Job = id, Limit = 1000 }, Cancel);
        Assert.Null(page.Next);
        Assert.Equal(Enumerable.Range(0, page.Findings.Count), page.Findings.Select(finding => finding.Number));
        foreach (var finding in page.Findings)
            text.Append(finding.Finding).Append(Encoding.UTF8.GetString(finding.Body)).AppendLine();
        Assert.Contains("\"fixed-position\"", text.ToString(), StringComparison.Ordinal);
        return text.ToString();
    }
}
