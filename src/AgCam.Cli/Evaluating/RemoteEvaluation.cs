using System.Text.Json.Nodes;
using AgCam.Cli.Remote;
using AgCam.Cli.Terminal;
using AgCam.Evaluation;

namespace AgCam.Cli.Evaluating;

/// <summary>
/// Submits an evaluation as a job, or finds it by its key, follows it to its end and fetches its rows. Their result is
/// computed here, as from a file of rows.
/// </summary>
internal sealed record RemoteEvaluation(EvaluationRun Run, string? Key, int? Weight, IReadOnlyList<string> Tags)
{
    /// <param name="model">Name of a model on the server; null for its only model.</param>
    /// <param name="rowFile">File of --rows, or null.</param>
    /// <returns>Null when the job is paused; the reason has been printed.</returns>
    /// <exception cref="UsageException">The job was refused or cancelled.</exception>
    public async Task<EvaluationTables?> MeasureAsync(
        ApiClient client,
        string? model,
        string dtype,
        string? rowFile,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        var key = Key ?? Guid.NewGuid().ToString();
        var id = (string)(await client.PostAsync("/v1/jobs", Body(model, dtype), key, cancellationToken))!["id"]!;
        if (!Run.Quiet)
            screen.Note($"agcam: job {id}. It continues without this command. To follow it again, add --key {key}.");
        var job = await JobLines.ToEndAsync(client, id, cancellationToken);
        if ((string?)job["state"] == JobLines.Paused)
            return null;
        if ((string?)job["state"] != JobLines.Completed)
            throw new UsageException(
                $"Job {id} was {((string?)job["state"])?.ToLowerInvariant()}: {(string?)job["reason"] ?? "no reason was given"}. "
                    + $"Use another --key to start a new one."
            );
        return (int)job["progress"]!["completed"]! + (int)job["progress"]!["failed"]! is 0
            ? throw new UsageException("The dataset contains no images.")
            : await FetchAsync(client, id, rowFile, cancellationToken);
    }

    private JsonObject Body(string? model, string dtype)
    {
        var body = new JsonObject
        {
            ["source"] = $"dataset:{Path.GetFullPath(Run.Dataset!)}",
            ["dtype"] = dtype,
            ["threshold"] = Run.Options.Threshold,
            ["evaluation"] = new JsonObject
            {
                ["layout"] = $"{Run.Layout}",
                ["images"] = Run.Images is { } images ? Path.GetFullPath(images) : null,
                ["methods"] = new JsonArray([.. Run.Options.Methods.Select(method => (JsonNode?)method.Name)]),
                ["metrics"] = new JsonArray([.. Run.Options.Families.Select(family => (JsonNode?)$"{family}")]),
                ["parity"] = $"{Run.Options.Parity}",
                ["batch"] = Run.Batch,
                ["maskedBatch"] = Run.Options.MaskedBatch,
            },
        };
        if (model is not null)
            body["model"] = model;
        if (Weight is not null)
            body["weight"] = Weight;
        if (Tags.Count > 0)
            body["tags"] = new JsonArray([.. Tags.Select(tag => (JsonNode?)tag)]);
        return body;
    }

    /// <summary>Writes a temporary file first, so that --rows is never incomplete. A row is held in memory once.</summary>
    private static async Task<EvaluationTables> FetchAsync(
        ApiClient client,
        string id,
        string? rowFile,
        CancellationToken cancellationToken
    )
    {
        var partial = rowFile is null
            ? Path.Combine(Path.GetTempPath(), $"agcam-{Guid.NewGuid():N}.rows")
            : $"{rowFile}.{Guid.NewGuid():N}.tmp";
        try
        {
            await using (var from = await client.OpenAsync($"/v1/jobs/{id}/rows", cancellationToken))
            await using (var file = File.Create(partial))
                await from.CopyToAsync(file, cancellationToken);
            if (!File.ReadLines(partial).First().StartsWith("{\"evaluation\"", StringComparison.Ordinal))
                throw new UsageException(
                    $"Nothing was measured: every chunk of job {id} failed. `agcam jobs export {id}` shows the reasons."
                );
            var tables = RowFile.Read(partial);
            if (rowFile is not null)
                File.Move(partial, rowFile, overwrite: true);
            return tables;
        }
        finally
        {
            File.Delete(partial);
        }
    }
}
