using AgCam.Audit.Findings;
using AgCam.Audit.Interventions;

namespace AgCam.Audit;

/// <summary>Result of an audit.</summary>
/// <param name="Images">Number of images.</param>
/// <param name="Labelled">Number of images with a known label.</param>
/// <param name="Findings">In the order in which they were asked for.</param>
public sealed record AuditReport(long Images, long Labelled, IReadOnlyList<FindingReport> Findings)
{
    /// <summary>Returns the finding of a name that was asked for.</summary>
    public FindingReport Of(string name) => Findings.Single(finding => finding.Name == name);

    /// <summary>Returns the report with at most <paramref name="top"/> images, groups, classes or slices of each finding.</summary>
    public AuditReport Shortened(int top) =>
        this with
        {
            Findings =
            [
                .. Findings.Select(finding =>
                    finding with
                    {
                        Items = [.. finding.Items.Take(top)],
                        Groups = [.. finding.Groups.Take(top)],
                        Classes = [.. finding.Classes.Take(top)],
                        Slices = [.. finding.Slices.Take(top)],
                    }
                ),
            ],
        };

    /// <summary>Returns the classes that an intervention can test, in the order of the report.</summary>
    public IReadOnlyList<Candidate> Candidates() =>
        [
            .. Findings.SelectMany(finding =>
                finding
                    .Classes.Where(listed => listed.Status is not null)
                    .Select(listed => new Candidate(
                        finding.Name,
                        listed.Class.Class,
                        [.. listed.Class.Patches.Select(patch => new Patch(patch.Row, patch.Column))]
                    ))
            ),
        ];

    /// <summary>Returns the report with the outcomes of tested candidates.</summary>
    public AuditReport With(IReadOnlyCollection<TestedCandidate> tested) =>
        this with
        {
            Findings =
            [
                .. Findings.Select(finding =>
                    finding with
                    {
                        Classes =
                        [
                            .. finding.Classes.Select(listed =>
                                listed with
                                {
                                    Test = tested.FirstOrDefault(test =>
                                        (test.Candidate.Finding, test.Candidate.Class) == (finding.Name, listed.Class.Class)
                                    ),
                                }
                            ),
                        ],
                    }
                ),
            ],
        };
}

/// <summary>One finding of an audit.</summary>
/// <param name="Name">Name of the finding.</param>
/// <param name="Level">What is counted: images, images in groups, classes, or slices of the dataset.</param>
/// <param name="Scored">Number of images, classes or slices that could be judged.</param>
/// <param name="Count">Number of images, classes or slices that the finding counts.</param>
/// <param name="Rule">Sentence that says what the finding counts.</param>
/// <param name="Needs">What an image must have to be judged.</param>
public sealed record FindingReport(string Name, FindingLevel Level, long Scored, long Count, string Rule, string Needs)
{
    /// <summary>Score below which an image counts; null where images are not scored one by one.</summary>
    public double? Threshold { get; init; }

    /// <summary>Images with the lowest scores, worst first.</summary>
    public IReadOnlyList<ListedImage> Items { get; init; } = [];

    /// <summary>Groups of images, worst first.</summary>
    public IReadOnlyList<ListedGroup> Groups { get; init; } = [];

    /// <summary>Classes, worst first.</summary>
    public IReadOnlyList<ListedClass> Classes { get; init; } = [];

    /// <summary>Slices of the dataset, worst first.</summary>
    public IReadOnlyList<ListedSlice> Slices { get; init; } = [];

    /// <summary>Share that the finding counts; 0 when nothing could be judged.</summary>
    public double Share => Scored == 0 ? 0 : (double)Count / Scored;

    /// <summary>Number of candidates in a state.</summary>
    public int Candidates(CandidateStatus status) => Classes.Count(listed => listed.Status == status);

    /// <summary>True when more than half of the images count. The finding then describes the dataset, not single images.</summary>
    public bool IsProperty => Level == FindingLevel.Image && Share > 0.5;
}

/// <summary>An image of a finding.</summary>
/// <param name="Number">Row of the image in the input, from 0.</param>
/// <param name="Score">In [0, 1]; low means review first.</param>
/// <param name="Reason">Sentence for a person.</param>
/// <param name="Given">Class index of the given label; null where the finding does not compare labels.</param>
/// <param name="Likely">Class index that the image more likely has; null where the finding does not compare labels.</param>
public sealed record ListedImage(long Number, string? Path, double Score, bool IsIssue, string Reason, int? Given, int? Likely)
{
    /// <summary>Class index of the given label, or else of the prediction; null without either.</summary>
    public int? Class { get; init; }
}

/// <summary>A group of a finding.</summary>
/// <param name="Members">Row and path of its images, in the order of the rows.</param>
public sealed record ListedGroup(FoundGroup Group, IReadOnlyList<(long Number, string? Path)> Members);

/// <summary>A class of a finding.</summary>
/// <param name="Examples">Row and path of images to look at first.</param>
public sealed record ListedClass(FoundClass Class, IReadOnlyList<(long Number, string? Path)> Examples)
{
    /// <summary>Intervention on the class; null when there was none.</summary>
    public TestedCandidate? Test { get; init; }

    /// <summary>State of a candidate; null for a class that no intervention can test.</summary>
    public CandidateStatus? Status => Class.IsCandidate ? Test?.Confirmation.Status ?? CandidateStatus.Candidate : null;
}

/// <summary>A slice of a finding.</summary>
/// <param name="Examples">Row and path of images to look at first.</param>
public sealed record ListedSlice(FoundSlice Slice, IReadOnlyList<(long Number, string? Path)> Examples);
