using System.Text;
using AgCam.Evaluation;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Answer = Microsoft.AspNetCore.Http.HttpResults.Results<
    Microsoft.AspNetCore.Http.HttpResults.PushStreamHttpResult,
    Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult
>;

namespace AgCam.Api.Exports;

/// <summary>
/// Streams the rows of an evaluation in the order of the images: the file that `agcam evaluate --rows` writes and --merge reads. Its last
/// line is written once the job has completed.
/// </summary>
internal static class Rows
{
    public const string MediaType = "application/x-ndjson";

    /// <summary>Number of chunks of one read.</summary>
    private const int PageSize = 16;

    public static async Task<Answer> WriteAsync(Guid id, IStore store, CancellationToken cancellationToken)
    {
        if (await store.Jobs.FindAsync(id, cancellationToken) is not { } job)
            return Resources.Jobs.Missing(id);
        return job.Spec.Evaluation is not null
            ? TypedResults.Stream(stream => StreamAsync(job, store, stream, cancellationToken), MediaType, $"{id}.rows.jsonl")
            : Problem.Conflict("no-evaluation", $"Job {id} is no evaluation: it has no rows.", $"Its items are at /v1/jobs/{id}/items.");
    }

    private static async Task StreamAsync(Job job, IStore store, Stream stream, CancellationToken cancellationToken)
    {
        var header = await HeaderAsync(job, store, cancellationToken);
        if (header is not null)
            await LineAsync(stream, header, cancellationToken);
        await foreach (var rows in AllAsync(job, store, cancellationToken))
        {
            if (rows.Header is { } own && own != header)
                await LineAsync(stream, header = own, cancellationToken); // a worker measured differently: the new header tells the reader
            using var lines = new MemoryStream();
            rows.WriteTo(lines);
            await stream.WriteAsync(lines.GetBuffer().AsMemory(0, (int)lines.Length), cancellationToken);
        }
        if (job is { State: JobState.Completed, Images: { } images })
            await LineAsync(stream, RowFile.EndLine(images), cancellationToken);
    }

    /// <summary>Finds the header. The first chunk may have failed and have none.</summary>
    private static async Task<string?> HeaderAsync(Job job, IStore store, CancellationToken cancellationToken)
    {
        await foreach (var rows in AllAsync(job, store, cancellationToken))
            if (rows.Header is { } header)
                return header;
        return null;
    }

    private static async IAsyncEnumerable<ChunkRows> AllAsync(
        Job job,
        IStore store,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        IReadOnlyList<ChunkRows> page;
        var next = 0;
        do
        {
            page = await store.Rows.PageAsync(job.Id, next, PageSize, cancellationToken);
            foreach (var rows in page)
            {
                yield return rows;
                next = rows.Chunk + 1;
            }
        } while (page.Count == PageSize);
    }

    private static ValueTask LineAsync(Stream stream, string line, CancellationToken cancellationToken) =>
        stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"), cancellationToken);
}
