using AgCam.Api.Resources;
using AgCam.Cli.Remote;
using AgCam.Cli.Terminal;
using AgCam.Evaluation;
using AgCam.Pipeline.Records;

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
        var job = await JobLines.ToEndAsync(client, id, screen.Note, cancellationToken);
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

    private JobRequest Body(string? model, string dtype) =>
        new()
        {
            Source = $"{EvaluationSpec.Source}{Path.GetFullPath(Run.Dataset!)}",
            Model = model,
            Dtype = dtype,
            Threshold = Run.Options.Threshold,
            Evaluation = new EvaluationSpec
            {
                Layout = Run.Layout,
                Images = Run.Images is { } images ? Path.GetFullPath(images) : null,
                Methods = [.. Run.Options.Methods.Select(method => method.Name)],
                Metrics = Run.Options.Families,
                Parity = Run.Options.Parity,
                Batch = Run.Batch,
                MaskedBatch = Run.Options.MaskedBatch,
            },
            Weight = Weight,
            Tags = Tags.Count > 0 ? Tags : null,
        };

    /// <summary>Fetches the rows into a file, so that one row at a time is in memory. --rows appears when it is complete.</summary>
    private static async Task<EvaluationTables> FetchAsync(
        ApiClient client,
        string id,
        string? rowFile,
        CancellationToken cancellationToken
    )
    {
        using var file = new AtomicFile(rowFile ?? Path.Combine(Path.GetTempPath(), "agcam.rows"));
        await using (var from = await client.OpenAsync($"/v1/jobs/{id}/rows", cancellationToken))
            await from.CopyToAsync(file.Stream, cancellationToken);
        await file.Stream.FlushAsync(cancellationToken);
        if (!File.ReadLines(file.Temporary).First().StartsWith("{\"evaluation\"", StringComparison.Ordinal))
            throw new UsageException($"Nothing was measured: every chunk of job {id} failed. `agcam jobs export {id}` shows the reasons.");
        var tables = RowFile.Read(file.Temporary);
        if (rowFile is not null)
            file.Commit();
        return tables;
    }
}
