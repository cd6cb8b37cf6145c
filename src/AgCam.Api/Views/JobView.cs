using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Api.Views;

/// <summary>Current state of a job.</summary>
internal sealed record JobView
{
    public required Guid Id { get; init; }

    /// <summary>explanation, evaluation, or audit.</summary>
    public required string Kind { get; init; }

    public required string Source { get; init; }

    public required ModelPin Model { get; init; }

    public required string Method { get; init; }

    public required IReadOnlyList<string> Targets { get; init; }

    public required double Threshold { get; init; }

    public required string Dtype { get; init; }

    /// <summary>Whether each explanation keeps its embedding. False for an evaluation.</summary>
    public required bool Embedding { get; init; }

    public required Lane Lane { get; init; }

    public required int Weight { get; init; }

    public required double MaxFailureRate { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    /// <summary>Id of the job whose failures this job retries.</summary>
    public Guid? Parent { get; init; }

    /// <summary>Settings of an evaluation.</summary>
    public EvaluationSpec? Evaluation { get; init; }

    /// <summary>Settings of an audit. The job completes when its images are done and they are audited.</summary>
    public AuditSpec? Audit { get; init; }

    public IReadOnlyDictionary<string, string>? Options { get; init; }

    public required JobState State { get; init; }

    /// <summary>Reason why the job is paused or cancelled.</summary>
    public string? Reason { get; init; }

    /// <summary>Whether the job can run again. Present while it is paused.</summary>
    public bool? CanResume { get; init; }

    /// <summary>Number of images. Absent until planning has finished.</summary>
    public int? Images { get; init; }

    public required JobProgress Progress { get; init; }

    /// <summary>Name of the API key that created the job or its parent. Absent without keys: only admin may change it.</summary>
    public string? Owner { get; init; }

    public required DateTimeOffset Created { get; init; }

    public DateTimeOffset? Finished { get; init; }

    public static JobView Of(Job job) =>
        new()
        {
            Id = job.Id,
            Kind =
                job.Spec.Audit is not null ? "audit"
                : job.Spec.Evaluation is null ? "explanation"
                : EvaluationSpec.Method,
            Source = job.Spec.Source,
            Model = job.Spec.Model,
            Method = job.Spec.Method,
            Targets = job.Spec.Targets,
            Threshold = job.Spec.Threshold,
            Dtype = job.Spec.Dtype,
            Embedding = job.Spec.Embedding,
            Lane = job.Spec.Lane,
            Weight = job.Spec.Weight,
            MaxFailureRate = job.Spec.MaxFailureRate,
            Tags = job.Spec.Tags,
            Parent = job.Spec.Parent,
            Evaluation = job.Spec.Evaluation,
            Audit = job.Spec.Audit,
            Options = job.Spec.Options,
            State = job.State,
            Reason = job.Reason,
            CanResume = job.State == JobState.Paused ? !PauseCode.IsPermanent(job.Reason) : null,
            Images = job.Images,
            Progress = job.Progress,
            Owner = job.Spec.Owner,
            Created = job.Created,
            Finished = job.Finished,
        };
}
