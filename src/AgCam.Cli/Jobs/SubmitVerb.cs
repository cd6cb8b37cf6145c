using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgCam.Api;
using AgCam.Api.Resources;
using AgCam.Attribution;
using AgCam.Cli.Remote;
using AgCam.Cli.Terminal;
using AgCam.Pipeline.Messages;

namespace AgCam.Cli.Jobs;

/// <summary>agcam submit: submits images to a server. Files are uploaded; a folder or another source becomes a job.</summary>
internal static class SubmitVerb
{
    private const int InFlight = 4;

    public static Command Create()
    {
        var remote = new RemoteOptions();
        var paths = new Argument<string[]>("PATH")
        {
            Description = "Image files, which are uploaded; or folders and sources (s3://bucket/prefix, manifest:FILE), which become jobs.",
            Arity = ArgumentArity.OneOrMore,
        };
        var wait = new Option<bool>("--wait") { Description = "Wait for the results." };
        var key = new Option<string?>("--key")
        {
            Description = "Idempotency key: the same key with the same content is the same request.",
            HelpName = "KEY",
        };
        var model = new Option<string?>("--model", "-m")
        {
            Description = "Name of a model on the server. Default: its only model.",
            HelpName = "NAME",
        };
        var targets = new Option<string[]>("--target", "-t")
        {
            Description = "What to explain: predicted (default), label, a class index or name, top:N, A-vs-B. Repeatable.",
            HelpName = "TARGET",
        };
        var threshold = new Option<double?>("--threshold")
        {
            Description = "Threshold of the normalised map, in [0, 1]. Default 0.5.",
            HelpName = "SHARE",
        };
        var method = new Option<string?>("--method")
        {
            Description = $"The attribution method: {AttributionMethod.Names}. Default {AttributionMethod.Paper}, the paper's.",
            HelpName = "NAME",
        };
        var dtype = new Option<string?>("--dtype")
        {
            Description = "Dtype of the forward pass: float32 (default), bfloat16 or float16.",
            HelpName = "DTYPE",
        };
        var noEmbedding = new Option<bool>("--no-embedding")
        {
            Description = "Leave the embeddings out. An audit then finds no near-duplicates and no clusters.",
        };
        var label = new Option<string?>("--label") { Description = "Label of the images: a class.", HelpName = "CLASS" };
        var tags = new Option<string[]>("--tag") { Description = "Tag of jobs. Repeatable.", HelpName = "TAG" };
        var lane = new Option<Lane?>("--lane")
        {
            Description = "Lane of jobs: bulk (default), or interactive for one that a person waits for.",
            HelpName = "LANE",
        };
        var weight = new Option<int?>("--weight")
        {
            Description = "Weight of the job against other running jobs, 1 to 100. Default 1.",
            HelpName = "N",
        };
        var maxFailureRate = new Option<double?>("--max-failure-rate")
        {
            Description = "Failure rate among the first thousand images above which the job is paused, in [0, 1]. " + "Default 1: never.",
            HelpName = "SHARE",
        };
        var maxFailures = new Option<long>("--max-failures")
        {
            Description = "With --wait: failed images that are allowed; more give exit code 3.",
            HelpName = "N",
        };
        var rehash = new Option<bool>("--rehash")
        {
            Description = "Read images again although they have not changed since an earlier job.",
        };
        var settings = new Option<string[]>("--option")
        {
            Description = "Option of a manifest: column.path=NAME, column.label=, column.split=, column.version=, base=FOLDER. Repeatable.",
            HelpName = "NAME=VALUE",
        };
        var dryRun = new Option<bool>("--dry-run") { Description = "Check 64 images of each source and estimate the job; submit nothing." };
        var webhook = new Option<string?>("--webhook")
        {
            Description = "Webhook: address that receives a signed call when the job has completed. Its host must be allowed.",
            HelpName = "URL",
        };
        var summary = SummaryFile.Option();
        var json = new Option<bool>("--json") { Description = "Write one JSON object per line." };
        var command = new Command("submit", "Submits images or jobs to a server.")
        {
            paths,
            wait,
            key,
            model,
            targets,
            threshold,
            method,
            dtype,
            noEmbedding,
            label,
            tags,
            lane,
            weight,
            maxFailureRate,
            webhook,
            maxFailures,
            summary,
            rehash,
            settings,
            dryRun,
            json,
        };
        remote.AddTo(command);
        command.SetAction(
            (parsed, cancellationToken) =>
                remote.RunAsync(
                    parsed,
                    async client =>
                    {
                        var submission = new Submission(
                            parsed.Console,
                            client,
                            parsed.GetValue(wait),
                            parsed.GetValue(json),
                            parsed.GetValue(key),
                            parsed.GetValue(maxFailures),
                            parsed.GetValue(model),
                            parsed.GetValue(targets) ?? [],
                            parsed.GetValue(threshold),
                            parsed.GetValue(label),
                            parsed.GetValue(tags) ?? [],
                            parsed.GetValue(webhook),
                            parsed.GetValue(summary),
                            parsed.GetValue(rehash),
                            parsed.GetValue(settings) ?? [],
                            parsed.GetValue(dryRun),
                            parsed.GetValue(method),
                            parsed.GetValue(dtype),
                            parsed.GetValue(noEmbedding) ? false : null,
                            new Share(parsed.GetValue(lane), parsed.GetValue(weight), parsed.GetValue(maxFailureRate))
                        );
                        return await submission.SendAsync(parsed.GetValue(paths)!, cancellationToken);
                    }
                )
        );
        return command.WithExamples(
            new("Explain a picture and print its result", "agcam submit cat.jpg --wait"),
            new("Explain a folder that the server may read, and follow the job", "agcam submit /data/pets --tag nightly --wait"),
            new("Estimate a job without running it", "agcam submit s3://bucket/pets --dry-run"),
            new(
                "Explain a manifest with named columns",
                "agcam submit manifest:/data/pets.parquet --option column.path=where --option column.label=truth"
            ),
            new(
                "Pause the job when more than 5 % of the first images fail",
                "agcam submit s3://bucket/pets --max-failure-rate 0.05 --weight 3"
            ),
            new(
                "Safe to repeat: the same key follows the same job",
                "agcam submit /data/pets --key pets-2024-11-23 --wait --summary-file end.json"
            )
        );
    }

    /// <summary>Share of a job in the workers, and the failure rate at which it is paused.</summary>
    private sealed record Share(Lane? Lane, int? Weight, double? MaxFailureRate);

    private sealed record Submission(
        CommandConsole Console,
        ApiClient Client,
        bool Wait,
        bool Json,
        string? Key,
        long MaxFailures,
        string? Model,
        IReadOnlyList<string> Targets,
        double? Threshold,
        string? Label,
        IReadOnlyList<string> Tags,
        string? Webhook,
        string? SummaryFile,
        bool Rehash,
        IReadOnlyList<string> Settings,
        bool DryRun,
        string? Method,
        string? Dtype,
        bool? Embedding,
        Share Share
    )
    {
        public async Task<int> SendAsync(IReadOnlyList<string> paths, CancellationToken cancellationToken)
        {
            if (paths.FirstOrDefault(path => !File.Exists(path) && !IsSource(path)) is { } missing)
                throw new UsageException($"{missing} is no file, no folder and no source (s3://bucket/prefix, manifest:FILE).");
            if (paths.FirstOrDefault(path => File.Exists(path) && IsTable(path)) is { } table)
                throw new UsageException($"{table} is a table: submit manifest:{table} for the images that it lists.");
            if (DryRun && paths.FirstOrDefault(File.Exists) is { } file)
                throw new UsageException($"--dry-run is for folders and other sources of jobs; {file} is a file, which would be uploaded.");
            if (Label is not null && paths.FirstOrDefault(path => !File.Exists(path)) is { } source)
                throw new UsageException(
                    $"--label is for image files, which are uploaded. {source} becomes a job: its labels come from class folders "
                        + "(classes:FOLDER) or from a manifest's column."
                );
            if (SummaryFile is not null && (!Wait || (paths.Count > 1 && !paths.All(File.Exists))))
                throw new UsageException("--summary-file has the outcome of one job or of image files: give --wait and only one source.");
            var (worst, failed) = (ExitCode.Success, 0L);
            var waiting = new Queue<Task<(string Path, JsonNode Result)>>();
            for (var i = 0; i < paths.Count; i++)
            {
                var (path, key) = (
                    paths[i],
                    Key is null ? null
                    : paths.Count == 1 ? Key
                    : $"{Key}/{i}"
                );
                if (!File.Exists(path))
                {
                    worst = Math.Max(worst, await SubmitJobAsync(path, key, cancellationToken));
                    continue;
                }
                if (waiting.Count >= InFlight)
                    failed += Write(await waiting.Dequeue());
                waiting.Enqueue(SendFileAsync(path, key, cancellationToken));
            }
            while (waiting.Count > 0)
                failed += Write(await waiting.Dequeue());
            var code =
                worst != ExitCode.Success ? worst
                : failed > MaxFailures ? ExitCode.TooManyFailures
                : ExitCode.Success;
            return paths.All(File.Exists)
                ? Terminal.SummaryFile.Write(
                    SummaryFile,
                    code,
                    new JsonObject
                    {
                        ["images"] = paths.Count,
                        ["completed"] = paths.Count - failed,
                        ["failed"] = failed,
                    }
                )
                : code; // the summary of a job is written when it ends
        }

        private static bool IsSource(string path) => Directory.Exists(path) || path.Contains(':');

        private static bool IsTable(string path) =>
            Path.GetExtension(path).ToLowerInvariant() is ".csv" or ".tsv" or ".jsonl" or ".parquet";

        /// <summary>Returns the source with an absolute path: the server has another current folder.</summary>
        private static string SourceOf(string path)
        {
            if (Directory.Exists(path))
                return $"folder:{Path.GetFullPath(path)}";
            if (path.Split(':', 2) is not [var kind, { Length: > 0 } place] || place.StartsWith("s3://", StringComparison.Ordinal))
                return path;
            return kind is "folder" or "classes" or "manifest" or "dataset" ? $"{kind}:{Path.GetFullPath(place)}" : path;
        }

        private Dictionary<string, string> SourceOptions()
        {
            var options = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var text in Settings)
            {
                if (text.Split('=', 2) is not [{ Length: > 0 } name, var value])
                    throw new UsageException($"--option {text} does not have the form NAME=VALUE.");
                if (!options.TryAdd(name, value))
                    throw new UsageException($"--option {name} is given twice. Give each name once.");
            }
            return options;
        }

        private async Task<(string, JsonNode)> SendFileAsync(string path, string? key, CancellationToken cancellationToken)
        {
            var bytes = await File.ReadAllBytesAsync(path, cancellationToken);
            // With a key the request can be repeated after a broken connection.
            var result = (
                await Client.SendAsync(
                    HttpMethod.Post,
                    Wait ? "/v1/explanations?wait=60" : "/v1/explanations",
                    () => Form(path, bytes),
                    key ?? Guid.NewGuid().ToString(),
                    cancellationToken
                )
            )!;
            while (Wait && result["item"] is null)
                result = (await Client.GetAsync($"/v1/requests/{(string?)result["id"]}?wait=60", cancellationToken))!;
            return (path, result);
        }

        private MultipartFormDataContent Form(string path, byte[] bytes)
        {
            var form = new MultipartFormDataContent { { new ByteArrayContent(bytes), "image", Path.GetFileName(path) } };
            var request = new ExplainRequest
            {
                Model = Model,
                Label = Label,
                Method = Method,
                Dtype = Dtype,
                Embedding = Embedding,
                Threshold = Threshold,
                Targets = Targets.Count > 0 ? Targets : null,
            };
            foreach (var (name, value) in JsonSerializer.SerializeToNode(request, ApiJson.Options)!.AsObject())
            {
                if (value is not JsonArray list)
                    form.Add(new StringContent($"{value}"), name);
                else
                    foreach (var element in list)
                        form.Add(new StringContent($"{element}"), name);
            }
            return form;
        }

        /// <returns>1 when the image failed, else 0.</returns>
        private int Write((string Path, JsonNode Result) done)
        {
            var (path, item) = (done.Path, done.Result["item"]);
            if (Json)
            {
                done.Result["path"] = path;
                Console.Output.WriteLine(done.Result.ToJsonString());
            }
            else
                Console.Output.WriteLine(
                    item is null ? $"{path}: {(string?)done.Result["state"]}, {Client.Url}v1/requests/{(string?)done.Result["id"]}"
                    : (string?)item["status"] == "Failed" ? $"{path}: failed, {(string?)item["reason"]}: {(string?)item["detail"]}"
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"{path}: {(string?)item["predicted"]} {100 * (double)item["probability"]!:0.#}%, "
                            + $"{(item["boxes"]!.AsArray().Count is 1 ? "1 box" : $"{item["boxes"]!.AsArray().Count} boxes")}, "
                            + $"{Client.Url}v1/explanations/{(string?)item["explanation"]}/overlay.png"
                    )
                );
            return (string?)item?["status"] == "Failed" ? 1 : 0;
        }

        private async Task<int> SubmitJobAsync(string path, string? key, CancellationToken cancellationToken)
        {
            var body = new JobRequest
            {
                Source = SourceOf(path),
                Model = Model,
                Threshold = Threshold,
                Method = Method,
                Dtype = Dtype,
                Embedding = Embedding,
                Lane = Share.Lane,
                Weight = Share.Weight,
                MaxFailureRate = Share.MaxFailureRate,
                Targets = Targets.Count > 0 ? Targets : null,
                Webhook = Webhook,
                Tags = Tags.Count > 0 ? Tags : null,
                Rehash = Rehash ? true : null,
                Options = Settings.Count > 0 ? SourceOptions() : null,
            };
            if (DryRun)
            {
                var report = (await Client.PostAsync("/v1/jobs/dry-run", body, null, cancellationToken))!;
                Console.Output.WriteLine(Json ? report.ToJsonString() : DryRunLines.Of(path, report, Console.Width));
                return ExitCode.Success;
            }
            var job = (await Client.PostAsync("/v1/jobs", body, key ?? Guid.NewGuid().ToString(), cancellationToken))!;
            if (Wait)
                return await JobLines.FollowAsync(
                    Client,
                    (string)job["id"]!,
                    new FollowOptions(Console, Json, MaxFailures, SummaryFile),
                    cancellationToken
                );
            Console.Output.WriteLine(Json ? job.ToJsonString() : (string?)job["id"]);
            return ExitCode.Success;
        }
    }
}
