using System.Text.Json.Nodes;
using AgCam.Images;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.TestHost.Faults;

/// <summary>Counts stored rows and compares them with a run without faults.</summary>
internal sealed class FaultAudit(FaultOptions options, FaultPipeline pipeline, FaultLog log)
{
    public async Task<FaultTally> RunAsync(AcceptedJob accepted)
    {
        await using var store = pipeline.Open(pipeline.Database);
        var job = (await store.Jobs.FindAsync(accepted.Id))!;
        var jobs = (await store.Jobs.PageAsync(new JobQuery { Limit = 100 })).Jobs.Count;
        if (jobs != 1)
            log.IsUnexpected($"there are {jobs} jobs");

        var rows = await store.Items.AllAsync(new ItemQuery { Job = accepted.Id, Limit = ItemQuery.MaxLimit }).ToListAsync();
        var files = ImageFiles.Find(pipeline.Pictures).ToHashSet(StringComparer.Ordinal);
        var images = rows.Select(row => row.Uri).ToHashSet(StringComparer.Ordinal);
        var stored = await StoredAsync(store, rows);
        var ok = rows.Where(row => row is { Status: ItemStatus.Completed, Explanation: { } id } && stored.Contains(id))
            .Select(row => row.Uri)
            .Distinct()
            .Count();
        foreach (var failed in rows.Where(row => row.Status == ItemStatus.Failed).Take(10))
            log.Say($"failed: {failed.Uri}: {failed.Reason}, {failed.Detail}");
        var foreign = images.Count(image => !files.Contains(image));
        if (foreign > 0)
            log.IsUnexpected($"{foreign} records are of no submitted image", foreign);

        var ofRequest = await store.Items.AllAsync(new ItemQuery { Job = accepted.Request, Limit = ItemQuery.MaxLimit }).ToListAsync();
        if (ofRequest is not [{ Status: ItemStatus.Completed }])
            log.IsUnexpected($"the request for one image has {ofRequest.Count} records, the first {ofRequest.FirstOrDefault()?.Status}");
        CheckTotals(job, rows, await store.Items.RecountAsync(accepted.Id));
        CheckExport(accepted.Export, rows);
        await new FaultComparison(options, pipeline, log).RunAsync(store, accepted.Id, rows);
        return new FaultTally(
            options.Images,
            accepted.Images,
            ok,
            files.Count(file => !images.Contains(file)),
            rows.Count - images.Count,
            await RecoveredAsync(store, job),
            log.Unexpected,
            log.Kills
        );
    }

    private void CheckTotals(Job job, List<Item> rows, JobProgress recounted)
    {
        if (job.State != JobState.Completed)
            log.IsUnexpected($"the job is {job.State}");
        if (job.Progress != recounted)
            log.IsUnexpected($"the job says {job.Progress}, its rows {recounted}");
        if (recounted.Completed + recounted.Failed != rows.Count || job.Images != rows.Count)
            log.IsUnexpected($"the job has {job.Images} images, {recounted} and {rows.Count} rows");
        if (!rows.Select(row => row.Number).SequenceEqual(Enumerable.Range(0, rows.Count)))
            log.IsUnexpected("the numbers of the rows are not 0, 1, 2, ...");
    }

    private void CheckExport(string export, List<Item> rows)
    {
        var lines = export.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var wrong = Math.Abs(lines.Length - rows.Count);
        foreach (var (line, row) in lines.Zip(rows))
        {
            var json = JsonNode.Parse(line)!;
            var same =
                (
                    (int)json["number"]!,
                    (string)json["uri"]!,
                    (string)json["status"]!,
                    (string?)json["explanation"],
                    (string?)json["predicted"]
                ) == (row.Number, row.Uri, $"{row.Status}", row.Explanation?.ToString(), row.Predicted);
            wrong += same ? 0 : 1;
        }
        if (wrong > 0)
            log.IsUnexpected($"{wrong} lines of the export are not the rows", wrong);
    }

    private static async Task<HashSet<Digest>> StoredAsync(IStore store, List<Item> rows)
    {
        var stored = new HashSet<Digest>();
        foreach (var ids in rows.Select(row => row.Explanation).OfType<Digest>().Distinct().Chunk(500))
            stored.UnionWith((await store.Explanations.FindAsync(ids)).Select(explanation => explanation.Id));
        return stored;
    }

    private static async Task<int> RecoveredAsync(IStore store, Job job)
    {
        var recovered = 0;
        for (var number = 0; number < job.Chunks; number++)
            if (await store.Chunks.FindAsync(job.Id, number) is { Attempts: > 1 } chunk)
                recovered += chunk.Count;
        return recovered;
    }
}
