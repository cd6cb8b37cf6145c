using AgCam.Attribution;
using AgCam.Audit.Stored;
using AgCam.Evaluation;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Webhooks;

namespace AgCam.Api.Resources;

/// <summary>Request for a job: images to explain, or to evaluate heatmaps on.</summary>
internal sealed record JobRequest
{
    public const int MaxTags = 16;
    public const int MaxWeight = 100;

    /// <summary>
    /// Source of the images: folder:/data/pets, classes:/data/pets, s3://bucket/prefix or manifest:/data/pets.csv, dataset:/data/val
    /// (annotated); job:ID to audit a completed job. Folders must be under an allowed root.
    /// </summary>
    public string? Source { get; init; }

    /// <summary>Name of a model of /v1/models. Optional when there is only one.</summary>
    public string? Model { get; init; }

    /// <summary>Attribution method, e.g. agcam (default), agcam-pooled or rollout.</summary>
    public string? Method { get; init; }

    /// <summary>
    /// predicted (default), label, top:N, a class's index or name, class:NAME, or A-vs-B of these, e.g. predicted-vs-label.
    /// </summary>
    public IReadOnlyList<string>? Targets { get; init; }

    /// <summary>Threshold for boxes on the heatmap scaled to [0, 1]. Default 0.5.</summary>
    public double? Threshold { get; init; }

    public string? Dtype { get; init; }

    /// <summary>Whether each explanation keeps its embedding, 2 bytes a channel. Default true. Not for an evaluation.</summary>
    public bool? Embedding { get; init; }

    /// <summary>Bulk (default), or Interactive for a job that a person waits for.</summary>
    public Lane? Lane { get; init; }

    /// <summary>Weight of the job against other running jobs, 1 to 100. Default 1.</summary>
    public int? Weight { get; init; }

    /// <summary>Failure rate among the first thousand images above which the job is paused. Default 1: never.</summary>
    public double? MaxFailureRate { get; init; }

    public IReadOnlyList<string>? Tags { get; init; }

    /// <summary>Whether images are read again although they have not changed since an earlier job. Default false.</summary>
    public bool? Rehash { get; init; }

    /// <summary>
    /// Address that receives a signed CloudEvent when the job has completed. Its host must be allowed. Default: the operator's address, if
    /// set.
    /// </summary>
    public string? Webhook { get; init; }

    /// <summary>
    /// Makes the job an evaluation with these settings. The source is a dataset. Method and targets must be absent, because the label is
    /// explained.
    /// </summary>
    public EvaluationSpec? Evaluation { get; init; }

    /// <summary>Audits the images when they are explained, with these settings; {} takes the defaults.</summary>
    public AuditSpec? Audit { get; init; }

    /// <summary>Options of the source: columns of a manifest (column.path, column.label, column.split, column.version, base).</summary>
    public IReadOnlyDictionary<string, string>? Options { get; init; }

    /// <exception cref="InvalidMessageException">Fields are invalid or do not fit the model. It names each.</exception>
    public JobSpec ToSpec(ModelPin model, ModelCard card, WebhookOptions webhooks)
    {
        var spec = new JobSpec
        {
            Source = Source ?? "",
            Model = model,
            Method = Method ?? (Evaluation is null ? AttributionMethod.Paper : EvaluationSpec.Method),
            Evaluation = Evaluation,
            Audit = Audit,
            Targets = Targets ?? [Evaluation is null ? TargetForm.Predicted : TargetForm.Label],
            Threshold = Threshold ?? 0.5,
            Dtype = Dtype ?? "float32",
            Embedding = Evaluation is null && Embedding != false,
            Lane = Lane ?? Pipeline.Messages.Lane.Bulk,
            Weight = Weight ?? 1,
            MaxFailureRate = MaxFailureRate ?? 1,
            Tags = Tags ?? [],
            Options =
                Rehash == true
                    ? new Dictionary<string, string>(Options ?? new Dictionary<string, string>()) { [KnownImages.Rehash] = "true" }
                    : Options,
            Webhook = Webhook ?? (webhooks.Url is { Length: > 0 } url ? url : null),
        };
        // Chunks become messages: their rules are checked now.
        var problems = ExplainImagesRules
            .Check(
                new ExplainImages
                {
                    Key = "job",
                    Lane = spec.Lane,
                    Model = model,
                    Method = spec.Method,
                    Targets = spec.Targets,
                    Threshold = spec.Threshold,
                    Dtype = spec.Dtype,
                    References = [new ImageReference { Uri = "any" }],
                }
            )
            .ToList();
        void Require(bool holds, string field, string problem)
        {
            if (!holds)
                problems.Add(new FieldProblem(field, problem));
        }

        Require(
            spec.Source is { Length: >= 1 and <= ExplainImagesRules.MaxUri },
            "source",
            $"must have 1 to {ExplainImagesRules.MaxUri} characters"
        );
        problems.AddRange(Evaluation is null ? card.Check(spec.Method, spec.Targets) : Check(Evaluation, card));
        Require(
            Evaluation is null || (Method ?? EvaluationSpec.Method) == EvaluationSpec.Method,
            "method",
            $"must be left out of an evaluation, or be {EvaluationSpec.Method}"
        );
        Require(Evaluation is null || Targets is null, "targets", "must be left out of an evaluation: what it explains is the label");
        Require(Evaluation is null || Embedding is null, "embedding", "must be left out of an evaluation, which stores no explanations");
        Require(
            Evaluation is null || EvaluationOptions.IsThreshold(spec.Threshold),
            "threshold",
            "must be a multiple of 0.001 from 0 to 0.999 in an evaluation"
        );
        Require(
            Evaluation is null || spec.Source.StartsWith(EvaluationSpec.Source, StringComparison.Ordinal),
            "source",
            $"must be {EvaluationSpec.Source}PATH with \"evaluation\""
        );
        if (Audit is not null)
            problems.AddRange(JobAudit.Check(Audit));
        Require(Audit is null || Evaluation is null, "audit", "must be left out of an evaluation, which stores no explanations");
        Require(spec.Weight is >= 1 and <= MaxWeight, "weight", $"must be from 1 to {MaxWeight}");
        Require(spec.MaxFailureRate is >= 0 and <= 1, "maxFailureRate", "must be from 0 to 1");
        Require(
            spec.Tags.Count <= MaxTags && spec.Tags.All(tag => tag is { Length: >= 1 and <= ExplainImagesRules.MaxText }),
            "tags",
            $"must be at most {MaxTags}, each of 1 to {ExplainImagesRules.MaxText} characters"
        );
        Require(
            (spec.Options?.Count ?? 0) <= ExplainImagesRules.MaxMetadata,
            "options",
            $"must be at most {ExplainImagesRules.MaxMetadata}"
        );
        Require(
            Webhook is null
                || (
                    Webhook.Length <= ExplainImagesRules.MaxUri
                    && Uri.TryCreate(Webhook, UriKind.Absolute, out var hook)
                    && webhooks.MayCall(hook)
                ),
            "webhook",
            "must be an http or https address on a host that the operator allows (Pipeline:Webhooks:Hosts)"
        );
        return problems.Count == 0 ? spec : throw new InvalidMessageException(problems);
    }

    private static IReadOnlyList<FieldProblem> Check(EvaluationSpec evaluation, ModelCard card)
    {
        if (evaluation.Check() is { Count: > 0 } problems)
            return problems;
        return AttributionMethod.Refusal(AttributionMethod.Select(evaluation.Methods), card.Config) is { } refusal
            ? [new FieldProblem("evaluation.methods", $"do not fit: {refusal}")]
            : [];
    }
}
