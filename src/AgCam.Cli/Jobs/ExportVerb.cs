using System.CommandLine;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Jobs;

/// <summary>agcam jobs export ID: writes a job's items to a file.</summary>
internal static class ExportVerb
{
    public static Command Create()
    {
        var format = new Option<string>("--format", "-f")
        {
            Description = "jsonl, csv, coco or parquet.",
            DefaultValueFactory = _ => "jsonl",
            HelpName = "FORMAT",
        };
        format.AcceptOnly("jsonl", "csv", "coco", "parquet");
        var output = new Option<string?>("--out", "-o") { Description = "Output file. Default: stdout.", HelpName = "FILE" };
        return JobsVerb
            .OfOne(
                "export",
                "Exports a job's items.",
                async (parsed, client, id, cancellationToken) =>
                {
                    await using var from = await client.OpenAsync(
                        $"/v1/jobs/{id}/export?format={Uri.EscapeDataString(parsed.GetValue(format)!)}",
                        cancellationToken
                    );
                    if (parsed.GetValue(output) is not { } path)
                    {
                        await using var stdout = parsed.Console.OpenOutput();
                        await from.CopyToAsync(stdout, cancellationToken);
                        return ExitCode.Success;
                    }
                    using var file = new AtomicFile(path);
                    await from.CopyToAsync(file.Stream, cancellationToken);
                    file.Commit();
                    return ExitCode.Success;
                },
                format,
                output
            )
            .WithExamples(
                new("A table for pandas, with heatmaps and logits", "agcam jobs export 0198c0de --format parquet --out items.parquet"),
                new("A line an image, to a program", "agcam jobs export 0198c0de | jq .predicted")
            );
    }
}
