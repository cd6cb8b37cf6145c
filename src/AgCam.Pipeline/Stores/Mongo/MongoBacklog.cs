using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

internal static class MongoBacklog
{
    public static async Task<Backlog> OfAsync(MongoDatabase database, MongoLedger ledger, CancellationToken cancellationToken)
    {
        var jobs = await database
            .Jobs.Find(job => job.State == JobState.Running)
            .Project(job => new
            {
                job.Id,
                job.Images,
                job.Created,
            })
            .ToListAsync(cancellationToken);
        var progress = await ledger.ProgressAsync([.. jobs.Select(job => job.Id)], cancellationToken);
        var backlog = new Backlog(0, null);
        foreach (var job in jobs)
            backlog += new Backlog(
                (job.Images ?? await PlannedAsync(database, job.Id, cancellationToken))
                    - progress[job.Id].Completed
                    - progress[job.Id].Failed,
                job.Created
            );
        return backlog + await RequestsAsync(database, cancellationToken);
    }

    /// <summary>Returns the number of planned images: the last chunk says where they end.</summary>
    private static async Task<int> PlannedAsync(MongoDatabase database, Guid job, CancellationToken cancellationToken)
    {
        var last = await database
            .Chunks.Find(MongoChunk.In(job))
            .Sort(Builders<MongoChunk>.Sort.Descending(chunk => chunk.Id))
            .Project(chunk => new { chunk.First, chunk.Count })
            .FirstOrDefaultAsync(cancellationToken);
        return last is null ? 0 : last.First + last.Count;
    }

    private static async Task<Backlog> RequestsAsync(MongoDatabase database, CancellationToken cancellationToken)
    {
        var sum = await database
            .Chunks.Aggregate()
            .Match(new BsonDocument { { "direct", true }, { "done", BsonNull.Value } })
            .Group(
                new BsonDocument
                {
                    { "_id", BsonNull.Value },
                    { "images", new BsonDocument("$sum", "$count") },
                    { "oldest", new BsonDocument("$min", "$published") },
                }
            )
            .FirstOrDefaultAsync(cancellationToken);
        return sum is null
            ? new Backlog(0, null)
            : new Backlog(sum["images"].ToInt64(), sum["oldest"] is BsonDateTime oldest ? oldest.ToUniversalTime() : null);
    }
}
