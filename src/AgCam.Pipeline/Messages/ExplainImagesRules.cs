namespace AgCam.Pipeline.Messages;

/// <summary>A field of a message that cannot be used, by its path in the message, and what is wrong with it.</summary>
public sealed record FieldProblem(string Field, string Problem)
{
    public override string ToString() => $"{Field} {Problem}";
}

/// <summary>The message can never be carried out, however often it is tried: dead-letter it with this text.</summary>
public sealed class InvalidMessageException(IReadOnlyList<FieldProblem> problems)
    : Exception("The request is not valid: " + string.Join("; ", problems) + ".")
{
    public IReadOnlyList<FieldProblem> Problems { get; } = problems;
}

/// <summary>What an <see cref="ExplainImages"/> must be before anything is done with it. Messages come from any language: nothing is taken for granted, not even non-null.</summary>
public static class ExplainImagesRules
{
    public const int MaxKey = 200;
    public const int MaxModelId = 256;
    public const int MaxMethod = 64;
    public const int MaxTargets = 16;
    public const int MaxUri = 4096;
    public const int MaxText = 256;
    public const int MaxMetadata = 32;
    public const int MaxMetadataValue = 1024;
    public const int MaxRefusal = 8192;

    /// <summary>At most this many problems are reported: a broken producer is not worth a message of a megabyte.</summary>
    public const int MaxProblems = 16;

    private static readonly string[] Dtypes = ["float32", "float16", "bfloat16"];

    /// <exception cref="InvalidMessageException">The message breaks a rule; every offending field is named.</exception>
    public static void ThrowIfInvalid(ExplainImages message)
    {
        var problems = Check(message);
        if (problems.Count > 0)
            throw new InvalidMessageException(problems);
    }

    /// <returns>Empty when the message can be carried out.</returns>
    public static IReadOnlyList<FieldProblem> Check(ExplainImages message)
    {
        var problems = new List<FieldProblem>();
        void Require(bool holds, string field, string problem)
        {
            if (!holds && problems.Count < MaxProblems)
                problems.Add(new FieldProblem(field, problem));
        }

        Require(message.Key is { Length: >= 1 and <= MaxKey }, "key", $"must have 1 to {MaxKey} characters");
        Require(message.JobId != Guid.Empty, "jobId", "must be left out or be a job's id, not all zeros");
        Require(message.Chunk >= 0 && (message.JobId is not null || message.Chunk == 0), "chunk", "must be 0 or more, and 0 without a job");
        Require(message.Epoch >= 0, "epoch", "must be 0 or more");
        Require(Enum.IsDefined(message.Lane), "lane", "must be Bulk or Interactive");
        Require(message.Model?.Id is { Length: >= 1 and <= MaxModelId }, "model.id", $"must have 1 to {MaxModelId} characters");
        Require(message.Model is { Sha256.IsZero: false }, "model.sha256", "must be the SHA-256 of the checkpoint");
        Require(message.Method is { Length: >= 1 and <= MaxMethod }, "method", $"must have 1 to {MaxMethod} characters");
        Require(message.Threshold is >= 0 and <= 1, "threshold", "must be from 0 to 1");
        Require(message.Dtype is not null && Dtypes.Contains(message.Dtype), "dtype", "must be one of " + string.Join(", ", Dtypes));
        Require(message.Targets is { Count: >= 1 and <= MaxTargets }, "targets", $"must be 1 to {MaxTargets} targets");
        for (var i = 0; i < Math.Min(message.Targets?.Count ?? 0, MaxTargets); i++)
            Require(TargetForm.IsValid(message.Targets![i]), $"targets[{i}]", "must be one of " + TargetForm.Described);
        Require(message.References is { Count: >= 1 and <= ExplainImages.MaxReferences }, "references", $"must be 1 to {ExplainImages.MaxReferences} images");
        var numbers = new HashSet<int>();
        for (var i = 0; i < Math.Min(message.References?.Count ?? 0, ExplainImages.MaxReferences); i++)
            CheckReference(message.References![i], $"references[{i}]", numbers, Require);
        return problems;
    }

    /// <returns>What of one image's fields could not be sent; empty when it can. Its number is left to whoever gives it one.</returns>
    public static IReadOnlyList<FieldProblem> Check(ImageReference image)
    {
        var problems = new List<FieldProblem>();
        CheckReference(image, "", [], (holds, field, problem) =>
        {
            if (!holds)
                problems.Add(new FieldProblem(field.TrimStart('.'), problem));
        });
        return problems;
    }

    private static void CheckReference(ImageReference? image, string at, HashSet<int> numbers, Action<bool, string, string> require)
    {
        require(image is not null, at, "must not be null");
        if (image is null)
            return;
        require(image.Number >= 0, $"{at}.number", "must be 0 or more");
        require(numbers.Add(image.Number), $"{at}.number", $"must be unique in the request: {image.Number} comes twice");
        require(image.Uri is { Length: >= 1 and <= MaxUri } && !image.Uri.Contains('\0'), $"{at}.uri", $"must have 1 to {MaxUri} characters, none of them zero");
        require(UriFits(image), $"{at}.uri", $"must be {UriForm(image.Kind)}");
        require(image.Label is null or { Length: >= 1 and <= MaxText }, $"{at}.label", $"must be left out or have 1 to {MaxText} characters");
        require(image.Split is null or { Length: >= 1 and <= MaxText }, $"{at}.split", $"must be left out or have 1 to {MaxText} characters");
        require(image.Stamp is null or { Length: >= 1 and <= MaxText }, $"{at}.stamp", $"must be left out or have 1 to {MaxText} characters");
        require(image.Refused is null or { Length: >= 1 and <= MaxRefusal }, $"{at}.refused", $"must be left out or have 1 to {MaxRefusal} characters");
        require(image.Metadata is null or { Count: <= MaxMetadata }, $"{at}.metadata", $"must have at most {MaxMetadata} entries");
        foreach (var (name, value) in image.Metadata?.Take(MaxMetadata) ?? [])
            require(name.Length is >= 1 and <= MaxText && !name.Contains('\0') && value is { Length: <= MaxMetadataValue }, $"{at}.metadata",
                $"must have names of 1 to {MaxText} (none of them a null) and values of at most {MaxMetadataValue} characters");
    }

    private static bool UriFits(ImageReference image) => image.Uri is not null && image.Kind switch
    {
        ReferenceKind.File => true,
        ReferenceKind.Upload => Guid.TryParseExact(image.Uri, "D", out _),
        ReferenceKind.S3 => References.S3Place.Parse(image.Uri) is { Key.Length: > 0, IsPlain: true },
        ReferenceKind.Http => Uri.TryCreate(image.Uri, UriKind.Absolute, out var http) && (http.Scheme == Uri.UriSchemeHttp || http.Scheme == Uri.UriSchemeHttps),
        _ => false,
    };

    private static string UriForm(ReferenceKind kind) => kind switch
    {
        ReferenceKind.File => "a path",
        ReferenceKind.Upload => "an upload's id",
        ReferenceKind.S3 => "s3://bucket/key",
        ReferenceKind.Http => "an absolute http or https address",
        _ => "of a known kind: File, Upload, S3 or Http",
    };
}
