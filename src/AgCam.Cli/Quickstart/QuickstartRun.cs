using AgCam.Audit;
using AgCam.Audit.Findings;
using AgCam.Audit.Stored;
using AgCam.Cli.Auditing;
using AgCam.Cli.Comparing;
using AgCam.Cli.Terminal;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Scenes;
using AgCam.Scenes.Faults;
using AgCam.Worker;

namespace AgCam.Cli.Quickstart;

/// <summary>Audits a drawn dataset with the shipped model, in one process. The store is in the dataset's folder.</summary>
/// <param name="folder">Folder of the dataset, with its full path.</param>
internal sealed class QuickstartRun(CommandConsole console, string folder)
{
    public const string Store = "store.db";
    public const string Results = "audit";
    private const string Model = "scenes";

    /// <param name="pairs">Images per candidate, as --confirm.</param>
    /// <returns>A report that lists everything.</returns>
    public async Task<AuditReport> AuditAsync(int pairs, CancellationToken cancellationToken)
    {
        var options = new PipelineOptions
        {
            Store = Path.Combine(folder, Store),
            Models = new Dictionary<string, string> { [Model] = Shipped.Model },
            References = new ReferenceOptions { Roots = [folder] },
        };
        var worker = new WorkerOptions();
        var manifest = Path.Combine(folder, FaultyFolder.Manifest);
        var explained = await AuditHost.ExplainAsync(
            console,
            options,
            worker,
            async models => new JobSpec { Source = $"manifest:{manifest}", Model = await models.PinAsync(Model, cancellationToken) },
            cancellationToken
        );
        using var interruption = new Interruption(() => { });
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, interruption.Drain);
        await using var store = PipelineRegistration.OpenStore(options);
        await store.ProbeAsync(stopping.Token);
        var catalog = new ModelCatalog(options.Models);
        var classes = (await catalog.DescribeAsync(Model, stopping.Token)).Classes;
        var rows = ClassifierRows.Read(Shipped.Model, ModelCatalog.Reading);
        var input = AuditInput.Of(new JobRows(store, explained.Id, classes), explained, classes, rows);
        using var originals = new OriginalImages(options.References, store, explained);
        var run = new AuditRun(input, FindingList.Create(classes.Count, rows: rows), [], null, Path.Combine(folder, Results))
        {
            ConfirmAsync = (report, files) =>
                new CandidateTesting(console, options, worker, pairs, files).RunAsync(report, input, explained, stopping.Token),
            DrawAsync = report =>
                AuditPictures.DrawAsync(AuditPage.Shown(report), new JobRows(store, explained.Id, classes), originals, stopping.Token),
        };
        return await run.RunAsync(stopping.Token);
    }
}
