using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Api.Views;

/// <summary>Item: the terminal record of one image.</summary>
internal sealed record ItemView
{
    /// <summary>Id of the job, or of the request. With the number it is the item's address: /v1/items/{job}/{number}.</summary>
    public required Guid Job { get; init; }

    public required int Number { get; init; }

    public required ItemStatus Status { get; init; }

    /// <summary>Stable code of the failure.</summary>
    public string? Reason { get; init; }

    public string? Detail { get; init; }

    public required ReferenceKind Kind { get; init; }

    public required string Uri { get; init; }

    /// <summary>SHA-256 of the image file.</summary>
    public Digest? Sha256 { get; init; }

    /// <summary>Label as given, also if the model has no such class.</summary>
    public string? Label { get; init; }

    /// <summary>Name of the label's class. Absent if the model has no such class.</summary>
    public string? LabelClass { get; init; }

    public string? Split { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public required string Model { get; init; }

    public string? Predicted { get; init; }

    public float? Probability { get; init; }

    /// <summary>Whether the prediction is the label's class. Absent without that class.</summary>
    public bool? Correct { get; init; }

    public float? LabelLogit { get; init; }

    /// <summary>Softmax probability of the label's class.</summary>
    public float? LabelProbability { get; init; }

    /// <summary>Boxes of the first target at the requested threshold, in original pixels, highest score first.</summary>
    public required IReadOnlyList<BoxView> Boxes { get; init; }

    /// <summary>Id of the explanation: /v1/explanations/{explanation}.</summary>
    public Digest? Explanation { get; init; }

    public required DateTimeOffset Time { get; init; }

    public static ItemView Of(Item item) =>
        new()
        {
            Job = item.Job,
            Number = item.Number,
            Status = item.Status,
            Reason = item.Reason,
            Detail = item.Detail,
            Kind = item.Kind,
            Uri = item.Uri,
            Sha256 = item.Sha256,
            Label = item.Label,
            LabelClass = item.LabelClass,
            Split = item.Split,
            Metadata = item.Metadata,
            Model = item.Model,
            Predicted = item.Predicted,
            Probability = item.Probability,
            Correct = item.Correct,
            LabelLogit = item.LabelLogit,
            LabelProbability = item.LabelProbability,
            Boxes = [.. item.Boxes.Select(BoxView.Of)],
            Explanation = item.Explanation,
            Time = item.Time,
        };
}

/// <param name="Score">The box's share of the heatmap's mass, in [0, 1].</param>
internal sealed record BoxView(double X, double Y, double Width, double Height, double Score)
{
    public static BoxView Of(BoundingBox box) => new(box.X, box.Y, box.Width, box.Height, box.Score);
}

/// <summary>One page of a list.</summary>
/// <param name="Next">Cursor of the next page. Absent on the last page. The Link header has the whole address.</param>
internal sealed record PageView<T>(IReadOnlyList<T> Items, string? Next);
