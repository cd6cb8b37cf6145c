using System.Globalization;
using AgCam.Attribution;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using Microsoft.AspNetCore.Http.Features;

namespace AgCam.Api.Resources;

/// <summary>Request for one image: uploaded in a form, or referred to in JSON.</summary>
internal sealed record ExplainRequest
{
    /// <summary>Maximum bytes of a JSON body, which is read whole.</summary>
    public const long MaxJsonBytes = 1 << 20;

    /// <summary>Name of a model of /v1/models. Optional when there is only one.</summary>
    public string? Model { get; init; }

    /// <summary>
    /// Path under an allowed root, id of an upload, s3://bucket/key, or http(s) address. Not allowed in a form, which contains the image.
    /// </summary>
    public string? Uri { get; init; }

    /// <summary>Ground-truth class of the image, by name or index. The model must have it.</summary>
    public string? Label { get; init; }

    /// <summary>
    /// predicted (default), label, top:N, a class's index or name, class:NAME, or A-vs-B of these, e.g. predicted-vs-label.
    /// </summary>
    public IReadOnlyList<string>? Targets { get; init; }

    /// <summary>Threshold for boxes on the heatmap scaled to [0, 1]. Default 0.5.</summary>
    public double? Threshold { get; init; }

    /// <summary>Attribution method, e.g. agcam (default), agcam-pooled or rollout.</summary>
    public string? Method { get; init; }

    /// <summary>float32 (default), float16 or bfloat16.</summary>
    public string? Dtype { get; init; }

    /// <summary>Whether the explanation keeps its embedding, 2 bytes a channel. Default true.</summary>
    public bool? Embedding { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>Returns the request as a message. The reference of an uploaded image is set when the image is stored.</summary>
    /// <exception cref="InvalidMessageException">Fields are invalid or do not fit the model. It names each.</exception>
    public ExplainImages ToMessage(string key, ModelPin model, ModelCard card, bool hasImage)
    {
        var message = new ExplainImages
        {
            Key = key,
            Lane = Lane.Interactive,
            Model = model,
            Method = Method ?? AttributionMethod.Paper,
            Targets = Targets ?? [TargetForm.Predicted],
            Threshold = Threshold ?? 0.5,
            Dtype = Dtype ?? "float32",
            Embedding = Embedding ?? true,
            References =
            [
                new ImageReference
                {
                    Kind = hasImage ? ReferenceKind.Upload : KindOf(Uri ?? ""),
                    Uri = hasImage ? Guid.Empty.ToString() : Uri ?? "",
                    Label = Label,
                    Metadata = Metadata,
                },
            ],
        };
        FieldProblem[] problems =
        [
            .. ExplainImagesRules.Check(message),
            .. card.Check(message.Method, message.Targets),
            .. card.CheckLabel(Label, message.Targets) is { } label ? [label] : (FieldProblem[])[],
        ];
        return problems.Length == 0 ? message : throw new InvalidMessageException(problems);
    }

    /// <param name="takeImage">Receives the uploaded image and its media type. It must read the stream to its end.</param>
    /// <exception cref="InvalidRequestException">The body is neither a form nor JSON, or has a wrong field.</exception>
    public static async Task<ExplainRequest> ReadAsync(
        HttpRequest http,
        ApiOptions options,
        Func<Stream, string?, Task> takeImage,
        CancellationToken cancellationToken
    )
    {
        if (http.HasFormContentType)
            return Of(await ExplainForm.ReadAsync(http, options, takeImage, cancellationToken));
        if (!http.HasJsonContentType())
            throw new InvalidRequestException(
                $"The body is {http.ContentType ?? "of no named type"}, neither multipart/form-data with an image nor application/json.",
                "Send a form with the part \"image\", or JSON with \"uri\"."
            );
        if (http.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = MaxJsonBytes;
        var request =
            await http.ReadFromJsonAsync<ExplainRequest>(cancellationToken)
            ?? throw new InvalidRequestException("The body is null.", "Send an object with \"uri\".");
        return request.Uri is null
            ? throw new InvalidRequestException("\"uri\" is missing.", "Give the address of the image, or send the image as a form.")
            : request;
    }

    public static ReferenceKind KindOf(string uri) =>
        uri switch
        {
            _ when uri.StartsWith("s3://", StringComparison.Ordinal) => ReferenceKind.S3,
            _ when uri.StartsWith("http://", StringComparison.OrdinalIgnoreCase)
                    || uri.StartsWith("https://", StringComparison.OrdinalIgnoreCase) => ReferenceKind.Http,
            _ when Guid.TryParseExact(uri, "D", out _) => ReferenceKind.Upload,
            _ => ReferenceKind.File,
        };

    private static ExplainRequest Of(ExplainForm form)
    {
        double? threshold =
            form["threshold"] is not { } text ? null
            : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) ? value
            : throw new InvalidRequestException($"threshold={text} is not a number.", "Give one from 0 to 1.");
        bool? embedding =
            form["embedding"] is not { } word ? null
            : bool.TryParse(word, out var kept) ? kept
            : throw new InvalidRequestException($"embedding={word} is neither true nor false.", "Give false to leave the embedding out.");
        return new ExplainRequest
        {
            Model = form["model"],
            Label = form["label"],
            Method = form["method"],
            Dtype = form["dtype"],
            Embedding = embedding,
            Threshold = threshold,
            Targets = form.All("targets") is { Count: > 0 } targets
                ? [.. targets.SelectMany(item => item.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))]
                : null,
        };
    }
}
