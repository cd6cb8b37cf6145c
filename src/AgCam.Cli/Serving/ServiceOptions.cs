using System.CommandLine;
using AgCam.Api;
using AgCam.Pipeline;
using AgCam.Pipeline.Telemetry;
using AgCam.Scenes;
using AgCam.Worker;
using Microsoft.Extensions.Configuration;

namespace AgCam.Cli.Serving;

/// <summary>
/// Settings of services: appsettings.json in the current folder, then the environment (Api__Listen, Pipeline__Store, Worker__Device, ...),
/// then the command line.
/// </summary>
internal sealed class ServiceOptions
{
    private const string ShippedName = "scenes";

    private readonly Option<string[]> _models = new("--model", "-m")
    {
        Description = "Model that may be used: NAME=FOLDER, a folder or a .safetensors file. Repeatable.",
        HelpName = "MODEL",
    };
    private readonly Option<string[]> _roots = new("--root")
    {
        Description = "A folder below which images may be read. Repeatable. Default: none.",
        HelpName = "FOLDER",
    };
    private readonly Option<string[]> _buckets = new("--bucket")
    {
        Description = "An S3 bucket that may be read: NAME, NAME/FOLDER, or * for any. Repeatable. Default: none.",
        HelpName = "BUCKET",
    };
    private readonly Option<string?> _s3 = new("--s3-endpoint")
    {
        Description = "An S3 server other than AWS, with path-style addresses.",
        HelpName = "URL",
    };
    private readonly Option<string[]> _hosts = new("--host")
    {
        Description =
            "A host whose images may be read by http: NAME, *.NAME, or NAME:PORT for another port than 80 and 443. "
            + "Repeatable. Default: none.",
        HelpName = "HOST",
    };
    private readonly Option<string?> _store = new("--store")
    {
        Description =
            $"A SQLite file, or mongodb://server. Default: {PipelineOptions.DefaultStore}. "
            + "Set an address with a password by Pipeline__Store in the environment.",
        HelpName = "STORE",
    };
    private readonly Option<string?> _bus = new("--bus")
    {
        Description = "amqp://broker/vhost. Set an address with a password by Pipeline__Bus in the environment.",
        HelpName = "BROKER",
    };
    private readonly Option<string?> _metrics = new("--metrics")
    {
        Description = "Address for Prometheus, e.g. http://127.0.0.1:9464. Default: none.",
        HelpName = "URL",
    };
    private readonly Option<string?> _listen = new("--listen")
    {
        Description = $"Address to listen on. Default {new ApiOptions().Listen}. Other machines need API keys.",
        HelpName = "URL",
    };
    private readonly Option<string?> _device = new("--device") { Description = "auto, cpu, cuda or cuda:n.", HelpName = "DEVICE" };
    private readonly Option<int?> _batch = new("--batch", "-b") { Description = "Maximum images per forward pass.", HelpName = "N" };

    public void AddTo(Command command, bool api, bool worker, bool bus)
    {
        List<Option> all = [_models, _roots, _buckets, _s3, _hosts, _store, _metrics];
        if (bus)
            all.Add(_bus);
        if (api)
            all.Add(_listen);
        if (worker)
            all.AddRange([_device, _batch]);
        foreach (var option in all)
            command.Options.Add(option);
    }

    public ApiOptions Api(ParseResult parsed, IConfiguration configuration)
    {
        var options = configuration.Read<ApiOptions>(ApiOptions.Section);
        return Given(parsed, _listen) is { } listen ? options with { Listen = listen } : options;
    }

    public PipelineOptions Pipeline(ParseResult parsed, IConfiguration configuration)
    {
        var options = Sources(parsed, configuration);
        var models = Given(parsed, _models) is { Length: > 0 } named ? named.Select(Model).ToDictionary() : options.Models;
        if (models.Count == 0 && Directory.Exists(Shipped.Model))
            models = new Dictionary<string, string> { [ShippedName] = Shipped.Model };
        return models.Count > 0
            ? options with
            {
                Models = models,
            }
            : throw new UsageException("No model is named. Give --model: a folder or a .safetensors file.");
    }

    /// <summary>Returns the settings of store and image sources, for verbs that plan and do not explain.</summary>
    public PipelineOptions Sources(ParseResult parsed, IConfiguration configuration)
    {
        var options = Reach(parsed, configuration);
        if (Given(parsed, _roots) is { Length: > 0 } roots)
            options = options with { References = options.References with { Roots = [.. roots.Select(Root)] } };
        if (Given(parsed, _hosts) is { Length: > 0 } hosts)
            options = options with { References = options.References with { Hosts = hosts } };
        if (Given(parsed, _buckets) is { Length: > 0 } buckets)
            options = options with { References = options.References with { S3 = options.References.S3 with { Buckets = buckets } } };
        if (Given(parsed, _s3) is { } endpoint)
            options = options with
            {
                References = options.References with { S3 = options.References.S3 with { Endpoint = endpoint, PathStyle = true } },
            };
        return options;
    }

    /// <summary>Returns the settings of store and broker, for verbs that do not explain.</summary>
    public PipelineOptions Reach(ParseResult parsed, IConfiguration configuration)
    {
        var options = configuration.Read<PipelineOptions>(PipelineOptions.Section);
        if (Given(parsed, _store) is { } store)
            options = options with { Store = WithoutPassword("--store", "Pipeline__Store", store), StoreFile = null };
        if (Given(parsed, _bus) is { } bus)
            options = options with { Bus = WithoutPassword("--bus", "Pipeline__Bus", bus), BusFile = null };
        return options.WithSecrets();
    }

    public void AddStoreTo(Command command) => command.Options.Add(_store);

    public void AddSourcesTo(Command command)
    {
        foreach (var option in new Option[] { _store, _roots, _buckets, _s3 })
            command.Options.Add(option);
    }

    public void AddBusTo(Command command) => command.Options.Add(_bus);

    public WorkerOptions Worker(ParseResult parsed, IConfiguration configuration)
    {
        var options = configuration.Read<WorkerOptions>(WorkerOptions.Section);
        if (Given(parsed, _device) is { } device)
            options = options with { Device = device };
        return Given(parsed, _batch) is { } batch ? options with { MaxBatch = batch } : options;
    }

    public TelemetryOptions Telemetry(ParseResult parsed, IConfiguration configuration)
    {
        var options = configuration.Read<TelemetryOptions>(TelemetryOptions.Section);
        return Given(parsed, _metrics) is { } metrics ? options with { Prometheus = metrics } : options;
    }

    private static T? Given<T>(ParseResult parsed, Option<T> option) =>
        parsed.GetResult(option) is null ? default : parsed.GetValue(option);

    private static string WithoutPassword(string option, string variable, string address) =>
        UriRedaction.HasPassword(address)
            ? throw new UsageException(
                $"{option} holds a password, and every user of this machine can read command lines. Put the address into the "
                    + $"environment: {variable}."
            )
            : address;

    private static string Root(string folder) =>
        Directory.Exists(folder)
            ? Path.GetFullPath(folder)
            : throw new UsageException($"--root {folder} is no folder. Name an existing one, or remove the option.");

    private static KeyValuePair<string, string> Model(string text)
    {
        var equals = text.IndexOf('=');
        var (name, path) =
            equals > 0
                ? (text[..equals], text[(equals + 1)..])
                : (Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(text)), text);
        if (name == ShippedName && path == ShippedName && Directory.Exists(Shipped.Model))
            path = Shipped.Model;
        return Path.Exists(path)
            ? KeyValuePair.Create(name, Path.GetFullPath(path))
            : throw new UsageException($"--model {text}: {path} is no folder and no file. Download one with `agcam models pull`.");
    }
}
