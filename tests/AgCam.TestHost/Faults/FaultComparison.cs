using System.Net.Http.Json;
using System.Text.Json.Nodes;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Documents;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.TestHost.Faults;

/// <summary>
/// Runs the same job without faults in one process and another database. With the null engine all stored bytes must be equal. A real
/// model's last bits depend on the rest of the batch, so the classes must be equal and the maps within 1e-3 of their largest value,
/// one step of float16.
/// </summary>
internal sealed class FaultComparison(FaultOptions options, FaultPipeline pipeline, FaultLog log)
{
    private const double MaxMapError = 1e-3;

    public async Task RunAsync(IStore faulted, Guid job, List<Item> rows)
    {
        await using var reference = pipeline.Open(pipeline.ReferenceDatabase);
        log.Say("the same job without faults");
        var expected = await RunReferenceAsync(reference);
        if (expected.Count != rows.Count)
            log.IsUnexpected($"without faults there are {expected.Count} rows, with them {rows.Count}");
        var (differing, worst) = (0, 0.0);
        foreach (var part in rows.Zip(expected).Chunk(500))
        {
            var here = (
                await faulted.Explanations.FindAsync([.. part.Select(pair => pair.First.Explanation).OfType<Digest>()])
            ).ToDictionary(item => item.Id);
            var there = (
                await reference.Explanations.FindAsync([.. part.Select(pair => pair.Second.Explanation).OfType<Digest>()])
            ).ToDictionary(item => item.Id);
            foreach (var (row, wanted) in part)
            {
                var (same, error) = Compare(
                    row,
                    wanted,
                    row.Explanation is { } a ? here.GetValueOrDefault(a) : null,
                    wanted.Explanation is { } b ? there.GetValueOrDefault(b) : null
                );
                if (!same && differing++ < 5)
                    log.Say($"{row.Uri}: {Text(row, here)} where {Text(wanted, there)} is expected");
                worst = Math.Max(worst, error);
            }
        }
        if (differing > 0)
            log.IsUnexpected($"{differing} images have another result than without faults", differing);
        var counts = (await CountAsync(pipeline.Database), await CountAsync(pipeline.ReferenceDatabase));
        if (counts.Item1 != counts.Item2)
            log.IsUnexpected($"{counts.Item1} explanations are stored; without faults {counts.Item2}");
        log.Say(
            options.RealModel ? FormattableString.Invariant($"classes compared; largest map error {worst:G2}") : "stored bytes compared"
        );
    }

    private (bool Same, double MapError) Compare(Item row, Item wanted, StoredExplanation? here, StoredExplanation? there)
    {
        if (
            row.Uri != wanted.Uri
            || row.Status != wanted.Status
            || row.Explanation != wanted.Explanation
            || row.Predicted != wanted.Predicted
            || here is null
            || there is null
        )
            return (false, 0);
        if (!options.RealModel)
            return (ExplanationDocument.Encode(here).AsSpan().SequenceEqual(ExplanationDocument.Encode(there)) && SameItem(row, wanted), 0);
        if (here.Maps.Count != there.Maps.Count || !here.Maps.Select(Asked).SequenceEqual(there.Maps.Select(Asked)))
            return (false, 0);
        var error = here.Maps.Zip(there.Maps).Max(pair => Error(pair.First, pair.Second));
        return (error <= MaxMapError, error);
    }

    /// <summary>Describes a record that differs.</summary>
    private static string Text(Item row, Dictionary<Digest, StoredExplanation> explanations) =>
        $"{new RawBsonDocument(ItemDocument.Encode(row)).ToJson()} "
        + (
            row.Explanation is { } id && explanations.TryGetValue(id, out var stored)
                ? new RawBsonDocument(ExplanationDocument.Encode(stored)).ToJson()
                : "none"
        );

    private static bool SameItem(Item row, Item wanted) =>
        ItemDocument.Encode(row with { Job = wanted.Job, Time = wanted.Time }).AsSpan().SequenceEqual(ItemDocument.Encode(wanted));

    private static (string Targets, int Class) Asked(TargetMap map) => (string.Join(',', map.Targets), map.Class);

    private static double Error(TargetMap left, TargetMap right)
    {
        var maximum = Math.Max(right.Max, 1e-6);
        return left.Values().Zip(right.Values()).Max(pair => Math.Abs(pair.First - pair.Second)) / maximum;
    }

    private async Task<List<Item>> RunReferenceAsync(IStore reference)
    {
        var process = await pipeline.StartReference().ReadyAsync();
        using var http = new HttpClient();
        var body = new
        {
            source = $"classes:{pipeline.Pictures}",
            model = Roles.Model,
            targets = FaultRun.Targets,
        };
        using var answer = await http.PostAsJsonAsync(new Uri(process.Address, "/v1/jobs"), body);
        var id = (Guid)(await answer.Content.ReadFromJsonAsync<JsonNode>())!["id"]!;
        while (await reference.Jobs.FindAsync(id) is not { State: JobState.Completed })
        {
            if (process.HasExited)
                throw new InvalidOperationException($"The run without faults ended: {process.Said}");
            await Task.Delay(200);
        }
        await pipeline.StopAsync("the process without faults", process);
        return await reference.Items.AllAsync(new ItemQuery { Job = id, Limit = ItemQuery.MaxLimit }).ToListAsync();
    }

    private async Task<long> CountAsync(string database)
    {
        using var client = new MongoClient(options.Mongo);
        return await client.GetDatabase(database).GetCollection<BsonDocument>("explanations").CountDocumentsAsync(new BsonDocument());
    }
}
