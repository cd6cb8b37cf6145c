using AgCam.Api.Resources;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Answer = Microsoft.AspNetCore.Http.HttpResults.Results<
    Microsoft.AspNetCore.Http.HttpResults.PushStreamHttpResult,
    Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult
>;

namespace AgCam.Api.Exports;

/// <summary>Exports the items of a job in order, streamed: memory does not grow with the job.</summary>
internal static class Export
{
    /// <summary>Number of items of one read.</summary>
    internal const int PageSize = 500;

    private delegate Task Writer(IStore store, Job job, ModelCatalog models, Stream stream, CancellationToken cancellationToken);

    private static readonly Dictionary<string, (string MediaType, Writer Write)> Writers = new()
    {
        ["jsonl"] = (
            "application/x-ndjson",
            (store, job, _, stream, cancellationToken) => JsonLines.WriteAsync(store, job, stream, cancellationToken)
        ),
        ["csv"] = (
            "text/csv; charset=utf-8",
            (store, job, _, stream, cancellationToken) => Csv.WriteAsync(store, job, stream, cancellationToken)
        ),
        ["coco"] = (
            "application/json",
            (store, job, _, stream, cancellationToken) => Coco.WriteAsync(store, job, stream, cancellationToken)
        ),
        ["parquet"] = ("application/vnd.apache.parquet", ParquetFile.WriteAsync),
    };

    public static IReadOnlyList<string> Formats { get; } = [.. Writers.Keys];

    public static async Task<Answer> WriteAsync(
        Guid id,
        HttpContext http,
        IStore store,
        ModelCatalog models,
        CancellationToken cancellationToken
    )
    {
        var format = http.Request.Query.Text("format") ?? "jsonl";
        if (!Writers.TryGetValue(format, out var writer))
            return Problem.Invalid($"format={format} is not known.", $"Use one of {string.Join(", ", Formats)}.");
        if (await store.Jobs.FindAsync(id, cancellationToken) is not { } job)
            return Jobs.Missing(id);
        return TypedResults.Stream(
            stream => writer.Write(store, job, models, stream, cancellationToken),
            writer.MediaType,
            $"{id}.{(format == "coco" ? "coco.json" : format)}"
        );
    }

    /// <summary>Reads the items of the job, a page at a time.</summary>
    internal static async IAsyncEnumerable<IReadOnlyList<Item>> PagesAsync(
        IStore store,
        Job job,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var query = new ItemQuery { Job = job.Id, Limit = PageSize };
        do
        {
            var page = await store.Items.PageAsync(query, cancellationToken);
            yield return page.Items;
            query = query with { Cursor = page.Next };
        } while (query.Cursor is not null);
    }
}
