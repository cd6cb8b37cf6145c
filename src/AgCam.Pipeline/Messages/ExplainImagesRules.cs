using AgCam.Evaluation.Datasets;

namespace AgCam.Pipeline.Messages;

/// <summary>Invalid field: its path in the message and the rule that it breaks.</summary>
public sealed record FieldProblem(string Field, string Problem)
{
    public override string ToString() => $"{Field} {Problem}";
}

/// <summary>Reports a message that can never be processed. No retry helps, so it is dead-lettered with this text.</summary>
public sealed class InvalidMessageException(IReadOnlyList<FieldProblem> problems)
    : Exception("The request is not valid: " + string.Join("; ", problems) + ".")
{
    public IReadOnlyList<FieldProblem> Problems { get; } = problems;
}

/// <summary>
/// Validates an <see cref="ExplainImages"/> before it is processed. Producers may use any language, so nothing is assumed, not even
/// non-null.
/// </summary>
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

    /// <summary>Maximum number of characters of annotated boxes, which are metadata too.</summary>
    public const int MaxBoxes = 16384;
    public const int MaxRefusal = 8192;

    /// <summary>Maximum number of problems that one error reports.</summary>
    public const int MaxProblems = 16;

    private static readonly string[] Dtypes = ["float32", "float16", "bfloat16"];

    /// <summary>Throws when the message breaks a rule.</summary>
    /// <exception cref="InvalidMessageException">The message breaks a rule; every invalid field is named.</exception>
    public static void ThrowIfInvalid(ExplainImages message)
    {
        var problems = Check(message);
        if (problems.Count > 0)
            throw new InvalidMessageException(problems);
    }

    /// <summary>Checks a message against all rules.</summary>
    /// <returns>The broken rules, at most <see cref="MaxProblems"/>; empty when the message is valid.</returns>
    public static IReadOnlyList<FieldProblem> Check(ExplainImages message)
    {
        var rules = new Findings(MaxProblems);
        rules.RequireText(message.Key, MaxKey, "key");
        rules.Require(message.JobId != Guid.Empty, "jobId", "must be left out or be a job's id, not all zeros");
        rules.Require(
            message.Chunk >= 0 && (message.JobId is not null || message.Chunk == 0),
            "chunk",
            "must be 0 or more, and 0 without a job"
        );
        rules.Require(message.PublishCount >= 0, "publishCount", "must be 0 or more");
        rules.Require(Enum.IsDefined(message.Lane), "lane", "must be Bulk or Interactive");
        rules.RequireText(message.Model?.Id, MaxModelId, "model.id");
        rules.Require(message.Model is { Sha256.IsZero: false }, "model.sha256", "must be the SHA-256 of the checkpoint");
        rules.RequireText(message.Method, MaxMethod, "method");
        rules.Require(message.Threshold is >= 0 and <= 1, "threshold", "must be from 0 to 1");
        rules.Require(message.Dtype is not null && Dtypes.Contains(message.Dtype), "dtype", $"must be one of {string.Join(", ", Dtypes)}");
        rules.Require(message.Targets is { Count: >= 1 and <= MaxTargets }, "targets", $"must be 1 to {MaxTargets} targets");
        for (var i = 0; i < Math.Min(message.Targets?.Count ?? 0, MaxTargets); i++)
            if (!TargetForm.IsValid(message.Targets![i]))
                rules.Add(
                    $"targets[{i}]",
                    $"must be one of {TargetForm.Described}"
                        + (TargetForm.Meant(message.Targets[i]) is { } meant ? $"; did you mean {meant}?" : "")
                );
        rules.Require(
            message.References is { Count: >= 1 and <= ExplainImages.MaxReferences },
            "references",
            $"must be 1 to {ExplainImages.MaxReferences} images"
        );
        var numbers = new HashSet<int>();
        for (var i = 0; i < Math.Min(message.References?.Count ?? 0, ExplainImages.MaxReferences); i++)
        {
            rules.Reference = i;
            if (message.References![i] is { } image)
            {
                CheckReference(image, rules);
                if (!numbers.Add(image.Number))
                    rules.Add("number", $"must be unique in the request: {image.Number} comes twice");
            }
            else
                rules.Add("", "must not be null");
        }
        return rules.Problems;
    }

    /// <summary>Returns the maximum number of characters of a metadata value.</summary>
    public static int MaxMetadataLength(string name) => MetadataColumns.IsBoxes(name) ? MaxBoxes : MaxMetadataValue;

    /// <summary>Checks one image's fields. Its number may still be unset: only a negative one is reported.</summary>
    /// <returns>The broken rules; empty when the reference is valid.</returns>
    public static IReadOnlyList<FieldProblem> Check(ImageReference image)
    {
        var rules = new Findings(int.MaxValue);
        CheckReference(image, rules);
        return rules.Problems;
    }

    private static void CheckReference(ImageReference image, Findings rules)
    {
        rules.Require(image.Number >= 0, "number", "must be 0 or more");
        if (image.Uri is not { Length: >= 1 and <= MaxUri } || image.Uri.Contains('\0'))
            rules.Add("uri", $"must have 1 to {MaxUri} characters, none of them zero");
        if (!UriFits(image))
            rules.Add("uri", $"must be {UriForm(image.Kind)}");
        rules.RequireOptionalText(image.Label, MaxText, "label");
        rules.RequireOptionalText(image.Split, MaxText, "split");
        rules.RequireOptionalText(image.Stamp, MaxText, "stamp");
        rules.RequireOptionalText(image.Refused, MaxRefusal, "refused");
        if (image.Metadata is { Count: > MaxMetadata })
            rules.Add("metadata", $"must have at most {MaxMetadata} entries");
        foreach (var (name, value) in image.Metadata?.Take(MaxMetadata) ?? [])
            if (name.Length is < 1 or > MaxText || name.Contains('\0') || value is null || value.Length > MaxMetadataLength(name))
                rules.Add(
                    "metadata",
                    $"must have names of 1 to {MaxText} (none of them a null) and values of at most {MaxMetadataValue} characters, "
                        + $"or {MaxBoxes} of boxes"
                );
    }

    private static bool UriFits(ImageReference image) =>
        image.Uri is not null
        && image.Kind switch
        {
            ReferenceKind.File => true,
            ReferenceKind.Upload => Guid.TryParseExact(image.Uri, "D", out _),
            ReferenceKind.S3 => References.S3Place.Parse(image.Uri) is { Key.Length: > 0, IsPlain: true },
            ReferenceKind.Http => Uri.TryCreate(image.Uri, UriKind.Absolute, out var http)
                && (http.Scheme == Uri.UriSchemeHttp || http.Scheme == Uri.UriSchemeHttps),
            _ => false,
        };

    private static string UriForm(ReferenceKind kind) =>
        kind switch
        {
            ReferenceKind.File => "a path",
            ReferenceKind.Upload => "an upload's id",
            ReferenceKind.S3 => "s3://bucket/key",
            ReferenceKind.Http => "an absolute http or https address",
            _ => "of a known kind: File, Upload, S3 or Http",
        };

    /// <summary>
    /// Collects the broken rules. Texts are formatted for broken rules only: a message has up to 256 references with a dozen rules each.
    /// </summary>
    private sealed class Findings(int maximum)
    {
        public List<FieldProblem> Problems { get; } = [];

        /// <summary>Index of the reference under check; null outside the list of references.</summary>
        public int? Reference { get; set; }

        public void Require(bool holds, string field, string problem)
        {
            if (!holds)
                Add(field, problem);
        }

        public void RequireText(string? value, int maximumLength, string field)
        {
            if (value is not { Length: >= 1 } || value.Length > maximumLength)
                Add(field, $"must have 1 to {maximumLength} characters");
        }

        public void RequireOptionalText(string? value, int maximumLength, string field)
        {
            if (value is { Length: 0 } || value?.Length > maximumLength)
                Add(field, $"must be left out or have 1 to {maximumLength} characters");
        }

        public void Add(string field, string problem)
        {
            if (Problems.Count >= maximum)
                return;
            var at = Reference is { } number ? $"references[{number}]{(field.Length > 0 ? "." : "")}{field}" : field;
            Problems.Add(new FieldProblem(at, problem));
        }
    }
}
