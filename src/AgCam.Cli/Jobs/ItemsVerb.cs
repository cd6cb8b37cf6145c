using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using AgCam.Cli.Options;
using AgCam.Cli.Remote;
using AgCam.Cli.Terminal;
using AgCam.Pipeline.Stores;

namespace AgCam.Cli.Jobs;

/// <summary>agcam jobs items ID: lists a job's images with prediction and label, filtered and sorted.</summary>
internal sealed class ItemsVerb
{
    /// <summary>Columns of a class or label: on a narrow terminal the path needs them more.</summary>
    private static int MaxName(CommandConsole console) => console.Width < 100 ? 14 : 24;

    private readonly Option<string?> _status = new("--status") { Description = "completed or failed.", HelpName = "STATUS" };
    private readonly Option<string?> _predicted = new("--predicted")
    {
        Description = "Only images predicted as this class.",
        HelpName = "CLASS",
    };
    private readonly Option<string?> _label = new("--label")
    {
        Description = "Only images with this label, as it was given.",
        HelpName = "LABEL",
    };
    private readonly Option<string?> _labelClass = new("--label-class")
    {
        Description = "Only images that are labelled as this class of the model.",
        HelpName = "CLASS",
    };
    private readonly Option<string?> _correct = new("--correct")
    {
        Description = "true or false: whether the prediction is the label's class.",
        HelpName = "true|false",
    };
    private readonly Option<string?> _sort = new("--sort")
    {
        Description = "number, probability or labelProbability. Each combination of filters allows one or two.",
        HelpName = "FIELD",
    };
    private readonly Option<bool> _descending = new("--descending") { Description = "Sort from high to low." };
    private readonly Option<int> _limit = new("--limit")
    {
        Description = "Maximum number of images.",
        DefaultValueFactory = _ => 20,
        HelpName = "N",
    };
    private readonly Option<string?> _cursor = new("--cursor")
    {
        Description = "Go on where a list ended: the cursor that it showed.",
        HelpName = "CURSOR",
    };
    private readonly Option<bool> _json = new("--json") { Description = "Write one JSON object per line." };

    private ItemsVerb()
    {
        _status.AcceptOnly("completed", "failed");
        _correct.AcceptOnly("true", "false");
        _sort.AcceptOnly(Sorts);
        _limit.Within(1, ItemQuery.MaxLimit);
    }

    private static IReadOnlyList<string> Sorts { get; } =
    [.. new[] { ItemSort.Number, ItemSort.Probability, ItemSort.LabelProbability }.Select(ItemIndex.Text)];

    public static Command Create() => new ItemsVerb().Build();

    private Command Build() =>
        JobsVerb
            .OfOne(
                "items",
                "Lists a job's images: prediction, label and path.",
                RunAsync,
                _status,
                _predicted,
                _label,
                _labelClass,
                _correct,
                _sort,
                _descending,
                _limit,
                _cursor,
                _json
            )
            .WithExamples(
                new("The likeliest label errors first", "agcam jobs items 0198c0de --sort labelProbability"),
                new("Confident mistakes", "agcam jobs items 0198c0de --correct false --sort probability --descending"),
                new("One cell of the confusion matrix, as JSON", "agcam jobs items 0198c0de --label cat --predicted dog --json")
            );

    private async Task<int> RunAsync(ParseResult parsed, ApiClient client, string id, CancellationToken cancellationToken)
    {
        var (console, maxName) = (parsed.Console, MaxName(parsed.Console));
        var page = (await client.GetAsync(Address(parsed, id), cancellationToken))!;
        var items = page["items"]!.AsArray().Select(item => item!).ToList();
        if (parsed.GetValue(_json))
            foreach (var item in items)
                console.Output.WriteLine(item.ToJsonString());
        else if (items.Count > 0)
            TextTable.Write(
                console,
                ["NUMBER", "PREDICTED", "LABEL", "IMAGE"],
                items,
                item => [$"{(int)item["number"]!}", Predicted(item, maxName), Label(item, maxName)],
                (item, width) => TextTable.End(Screen.Printable((string)item["uri"]!), width)
            );
        else
            console.Error.WriteLine("agcam: no images match.");
        if ((string?)page["next"] is { } next)
            console.Error.WriteLine($"agcam: there are more; go on with --cursor {next}");
        return ExitCode.Success;
    }

    private string Address(ParseResult parsed, string id)
    {
        var sort = parsed.GetValue(_sort);
        if (parsed.GetValue(_descending) && sort is null)
            throw new UsageException($"--descending needs --sort: {OptionValues.OneOf(Sorts)}.");
        (string Name, string? Value)[] query =
        [
            ("status", parsed.GetValue(_status)),
            ("predicted", parsed.GetValue(_predicted)),
            ("label", parsed.GetValue(_label)),
            ("labelClass", parsed.GetValue(_labelClass)),
            ("correct", parsed.GetValue(_correct)),
            ("sort", parsed.GetValue(_descending) ? $"-{sort}" : sort),
            ("limit", parsed.GetValue(_limit).ToString(CultureInfo.InvariantCulture)),
            ("cursor", parsed.GetValue(_cursor)),
        ];
        var given = query.Where(part => part.Value is not null).Select(part => $"{part.Name}={Uri.EscapeDataString(part.Value!)}");
        return $"/v1/jobs/{id}/items?{string.Join('&', given)}";
    }

    private static string Predicted(JsonNode item, int maxName) =>
        (string?)item["status"] == "Failed" ? $"FAILED {(string?)item["reason"]}"
        : (string?)item["predicted"] is { } name ? $"{Name(name, maxName)} {Percent(item["probability"])}"
        : "";

    private static string Label(JsonNode item, int maxName)
    {
        if ((string?)item["label"] is not { } label)
            return "";
        if (item["labelClass"] is null)
            return (string?)item["status"] == "Failed" ? Name(label, maxName) : $"{Name(label, maxName)} (no class)";
        return (bool?)item["correct"] switch
        {
            true => $"{Name(label, maxName)} (correct)",
            false => $"{Name(label, maxName)} {Percent(item["labelProbability"])} (wrong)",
            null => Name(label, maxName),
        };
    }

    private static string Name(string name, int maxName) => TextTable.Start(Screen.Printable(name), maxName);

    private static string Percent(JsonNode? share) =>
        share is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{100 * (double)share:0.#}%");
}
