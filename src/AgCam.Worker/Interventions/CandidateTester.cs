using AgCam.Attribution;
using AgCam.Audit;
using AgCam.Audit.Interventions;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Worker.Interventions;

/// <summary>Tests the candidates of an audit's report on the model.</summary>
public sealed class CandidateTester(InterventionRunner runner)
{
    /// <summary>More images are chosen than measured, to replace those that cannot be read.</summary>
    private const int Spare = 2;

    /// <summary>Determines the images and random places, so that a repeated audit gives the same result.</summary>
    private const long Seed = 1;

    /// <summary>Number of examples that are drawn for each candidate. Default 0.</summary>
    public int Examples { get; init; }

    /// <summary>Keeps the examples of a candidate and returns their names. Default: none are kept.</summary>
    public Func<Candidate, InterventionResult, IReadOnlyList<string>> Draw { get; init; } = (_, _) => [];

    /// <summary>Called with the number of pairs that were measured so far, of all candidates.</summary>
    public Action<long>? Progress { get; init; }

    /// <param name="read">Reads the rows that the report is of.</param>
    /// <param name="job">Job of the rows, with its model.</param>
    /// <param name="pairs">Number of images of the class, and of other classes, for each candidate.</param>
    /// <returns>The report with the outcomes.</returns>
    /// <exception cref="Models.ModelException">The model cannot be loaded, or the method does not fit it.</exception>
    public async Task<AuditReport> RunAsync(
        AuditReport report,
        Func<IAsyncEnumerable<AuditRow>> read,
        Job job,
        int pairs,
        CancellationToken cancellationToken = default
    )
    {
        var chosen = report.Candidates().Select(candidate => new InterventionImages(candidate, Spare * pairs, Seed)).ToList();
        if (chosen.Count == 0)
            return report;
        await foreach (var row in read().WithCancellation(cancellationToken))
        foreach (var images in chosen)
            images.Add(row);

        var tested = new List<TestedCandidate>();
        foreach (var images in chosen)
        {
            var request = new InterventionRequest(images.Candidate, pairs, References(images.OfClass), References(images.Others))
            {
                Model = job.Spec.Model,
                Dtype = job.Spec.Dtype,
                Method = AttributionMethod.Find(job.Spec.Method) ?? AttributionMethod.Default,
                Seed = Seed,
                Examples = Examples,
            };
            var before = (long)tested.Count * pairs;
            var result = await runner.RunAsync(request, measured => Progress?.Invoke(before + measured), cancellationToken);
            Progress?.Invoke(before + pairs);
            var confirmation = Confirmation.Of(result.Sums);
            tested.Add(
                new TestedCandidate(images.Candidate, confirmation, Problem(confirmation, result.Failure), Draw(images.Candidate, result))
            );
        }
        return report.With(tested);
    }

    private static IReadOnlyList<ImageReference> References(IReadOnlyList<AuditRow> rows) =>
        [.. rows.Select(row => row.Reference).OfType<ImageReference>()];

    private static string? Problem(Confirmation confirmation, string? failure) =>
        confirmation.Status != CandidateStatus.Candidate ? null
        : failure is null ? $"only {confirmation.Images} pairs of images could be measured"
        : $"the original images cannot be read: {failure}";
}
