namespace AgCam.Evaluation;

/// <summary>Settings that determine an evaluation's numbers. Rows merge when their headers are equal except for the shard.</summary>
public sealed record EvaluationHeader
{
    /// <summary>Version of the row format. Increases when rows change their form or meaning.</summary>
    public const int CurrentVersion = 2;

    public int Version { get; init; } = CurrentVersion;

    public required string Model { get; init; }

    public required string ModelSha256 { get; init; }

    /// <summary>Model configuration and preprocessing in canonical form.</summary>
    public required string Computation { get; init; }

    /// <summary>Dtype of the forward pass.</summary>
    public required string Dtype { get; init; }

    /// <summary>Device kind, cpu or cuda: their last digits differ.</summary>
    public required string Device { get; init; }

    public required IReadOnlyList<string> Methods { get; init; }

    public required IReadOnlyList<MetricFamily> Metrics { get; init; }

    public required double Threshold { get; init; }

    public Parity Parity { get; init; }

    /// <summary>Name of the preset that the evaluation follows, or null.</summary>
    public string? Preset { get; init; }

    /// <summary>Deviations from the preset, one sentence each.</summary>
    public IReadOnlyList<string> Deviations { get; init; } = [];

    /// <summary>
    /// Number of images per forward pass. Batches are cut from the whole dataset, so every shard has the batches of a single process.
    /// </summary>
    public required int Batch { get; init; }

    public required int MaskedBatch { get; init; }

    /// <summary>Part of the batches that this evaluation measured.</summary>
    public Shard Shard { get; init; } = Shard.Whole;

    public static EvaluationHeader Of(Explainer explainer, EvaluationOptions options, int batch, Shard shard) =>
        new()
        {
            Model = explainer.ModelId,
            ModelSha256 = explainer.ModelSha256.ToString(),
            Computation = $"{explainer.Config.Canonical()};{explainer.Preprocessing.Canonical()}",
            Dtype = explainer.Dtype,
            Device = explainer.Device.Split(':')[0],
            Methods = [.. options.Methods.Select(method => method.Name)],
            Metrics = [.. options.Families.Order()],
            Threshold = options.Threshold,
            Parity = options.Parity,
            Batch = batch,
            MaskedBatch = options.MaskedBatch,
            Shard = shard,
        };

    /// <summary>Returns the first difference that prevents a merge, in words; null where the rows merge.</summary>
    public string? Differs(EvaluationHeader other)
    {
        (string Name, string Mine, string Theirs)[] fields =
        [
            ("version", $"{Version}", $"{other.Version}"),
            ("model", ModelSha256, other.ModelSha256),
            ("preprocessing", Computation, other.Computation),
            ("dtype", Dtype, other.Dtype),
            ("device", Device, other.Device),
            ("methods", string.Join(",", Methods), string.Join(",", other.Methods)),
            ("metrics", string.Join(",", Metrics), string.Join(",", other.Metrics)),
            ("threshold", FormattableString.Invariant($"{Threshold}"), FormattableString.Invariant($"{other.Threshold}")),
            ("parity", $"{Parity}", $"{other.Parity}"),
            ("preset", $"{Preset}", $"{other.Preset}"),
            ("deviations", string.Join("; ", Deviations), string.Join("; ", other.Deviations)),
            ("batch", $"{Batch}", $"{other.Batch}"),
            ("masked batch", $"{MaskedBatch}", $"{other.MaskedBatch}"),
            ("number of shards", $"{Shard.Count}", $"{other.Shard.Count}"),
        ];
        return fields
            .Where(field => field.Mine != field.Theirs)
            .Select(field => $"{field.Name} {field.Mine} and {field.Theirs}")
            .FirstOrDefault();
    }
}

/// <summary>Part Number of Count, 1/1 for all: every Count-th batch, starting at batch Number.</summary>
public readonly record struct Shard(int Number, int Count)
{
    public static Shard Whole { get; } = new(1, 1);

    /// <summary>Parses i/n.</summary>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static Shard Parse(string text) =>
        text.Split('/') is [var number, var count]
        && int.TryParse(number, out var i)
        && int.TryParse(count, out var n)
        && i >= 1
        && i <= n
        && n <= 1_000_000
            ? new Shard(i, n)
            : throw new FormatException($"\"{text}\" is not a shard. Give i/n, e.g. 2/4 for the second of four.");

    /// <summary>Returns true when the batch with this index, counted over the whole dataset, belongs to the shard.</summary>
    public bool Has(long batch) => batch % Count == Number - 1;

    public override string ToString() => $"{Number}/{Count}";
}
