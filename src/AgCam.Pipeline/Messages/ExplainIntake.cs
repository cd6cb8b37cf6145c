using System.Text.Json.Serialization;
using AgCam.Attribution;
using AgCam.Pipeline.Jobs;

namespace AgCam.Pipeline.Messages;

/// <summary>
/// Request as plain JSON from any client (docs/producers.md). It is separate from <see cref="ExplainImages"/>, so internal messages can
/// change without changing what clients send. Unknown fields are errors.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ExplainIntake
{
    /// <summary>Version of this format. It rises when the meaning of a field changes.</summary>
    public const int Version = 1;

    /// <summary>
    /// Format version that the client sends. It is a double so that any wrong number is reported as a wrong field, not as a parse error.
    /// </summary>
    public double Schema { get; init; } = Version;

    /// <inheritdoc cref="ExplainImages.Key"/>
    public string? Key { get; init; }

    public Lane Lane { get; init; }

    public IntakeModel? Model { get; init; }

    public string? Method { get; init; }

    public IReadOnlyList<string>? Targets { get; init; }

    public double? Threshold { get; init; }

    public string? Dtype { get; init; }

    public bool? Embedding { get; init; }

    public IReadOnlyList<IntakeImage?>? References { get; init; }

    /// <summary>Converts the request to an internal message.</summary>
    /// <exception cref="InvalidMessageException">The version is unknown or a rule is broken; every invalid field is named.</exception>
    public ExplainImages ToMessage()
    {
        if (Schema != Version)
            throw new InvalidMessageException([new FieldProblem("schema", $"must be {Version}: this release knows no other")]);
        if (
            References
                ?.ToList()
                .FindIndex(image =>
                    image is not null && !(image.Number >= 0 && image.Number <= int.MaxValue && image.Number == Math.Floor(image.Number))
                )
            is { } wrong
                and >= 0
        )
            throw new InvalidMessageException([
                new FieldProblem($"references[{wrong}].number", $"must be a whole number from 0 to {int.MaxValue}"),
            ]);
        var standard = new ExplainImages();
        var message = new ExplainImages
        {
            Key = Key ?? "",
            Lane = Lane,
            Model = new ModelPin { Id = Model?.Id ?? "", Sha256 = Model?.Sha256 ?? default },
            Method = Method ?? standard.Method,
            Targets = Targets ?? standard.Targets,
            Threshold = Threshold ?? standard.Threshold,
            Dtype = Dtype ?? standard.Dtype,
            Embedding = Embedding ?? standard.Embedding,
            References = [.. (References ?? []).Select(image => image?.ToReference()!)], // null entries are reported by ExplainImagesRules
        };
        var problems = ExplainImagesRules.Check(message);
        if (AttributionMethod.Find(message.Method) is null)
            problems = [.. problems, ModelCard.UnknownMethod(message.Method)];
        return problems.Count == 0 ? message : throw new InvalidMessageException(problems);
    }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record IntakeModel
{
    public string? Id { get; init; }

    public Digest? Sha256 { get; init; }
}

/// <summary>
/// Image of a request; see <see cref="ImageReference"/>. It has no stamp and no known digest: those skip reading the image, and an external
/// client is not trusted with that.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record IntakeImage
{
    /// <inheritdoc cref="ExplainIntake.Schema"/>
    public double Number { get; init; }

    public ReferenceKind Kind { get; init; }

    public string? Uri { get; init; }

    public string? Label { get; init; }

    public string? Split { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    internal ImageReference ToReference() =>
        new()
        {
            Number = (int)Number,
            Kind = Kind,
            Uri = Uri ?? "",
            Label = Label,
            Split = Split,
            Metadata = Metadata,
        };
}
