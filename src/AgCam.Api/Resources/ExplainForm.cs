using System.Text;
using AgCam.Pipeline.References;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace AgCam.Api.Resources;

/// <summary>
/// Form with one image. The fields are read here; the caller reads the image as a stream, so it is buffered neither in memory nor on disk.
/// </summary>
internal sealed class ExplainForm
{
    /// <summary>Maximum bytes of the fields and boundaries.</summary>
    public const int MaxFieldBytes = 64 << 10;

    private const int MaxFields = 64;

    private const string Image = "image";

    private static readonly string[] Known = ["model", "label", "targets", "threshold", "method", "dtype", "embedding"];

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<KeyValuePair<string, string>> _fields = [];

    /// <returns>The field's first value; null when it is absent or empty.</returns>
    public string? this[string name] =>
        _fields.Where(field => field.Key == name).Select(field => field.Value).FirstOrDefault() is { Length: > 0 } text ? text : null;

    public IReadOnlyList<string> All(string name) => [.. _fields.Where(field => field.Key == name).Select(field => field.Value)];

    /// <param name="takeImage">See <see cref="ExplainRequest.ReadAsync"/>.</param>
    /// <exception cref="InvalidRequestException">
    /// The body is not multipart, has an unknown field, or does not have exactly one image.
    /// </exception>
    /// <exception cref="InvalidDataException">The form is malformed or exceeds a limit.</exception>
    public static async Task<ExplainForm> ReadAsync(
        HttpRequest http,
        ApiOptions options,
        Func<Stream, string?, Task> takeImage,
        CancellationToken cancellationToken
    )
    {
        var reader = new MultipartReader(Boundary(http), http.Body) { BodyLengthLimit = options.MaxUploadBytes };
        var form = new ExplainForm();
        var (images, left) = (0, MaxFieldBytes);
        while (await ReadAsync(() => reader.ReadNextSectionAsync(cancellationToken)) is { } section)
        {
            if (
                section.GetContentDispositionHeader() is not { } disposition
                || !(disposition.IsFileDisposition() || disposition.IsFormDisposition())
            )
                throw new InvalidDataException("A part of the form has no Content-Disposition of a field or a file.");
            var name = HeaderUtilities.RemoveQuotes(disposition.Name).ToString();
            if (disposition.IsFileDisposition())
            {
                if (name != Image || ++images > 1)
                    throw new InvalidRequestException(
                        $"The form has the file \"{name}\" instead of one file called \"{Image}\".",
                        "Send one image per request. For many images create a job."
                    );
                await ReadAsync(async () =>
                {
                    await takeImage(section.Body, section.ContentType);
                    return true;
                });
                continue;
            }
            if (form._fields.Count == MaxFields)
                throw new InvalidDataException($"The form has more fields than the limit of {MaxFields}.");
            if (!Known.Contains(name))
                throw new InvalidRequestException(
                    $"The form has an unknown field \"{name}\".",
                    $"Fields are {Image} (the file), {string.Join(", ", Known)}."
                );
            var value = await ReadAsync(() => TextAsync(section.Body, left, cancellationToken));
            left -= value.Length;
            form._fields.Add(new(name, Text(name, value, section.ContentType)));
        }
        return images == 1
            ? form
            : throw new InvalidRequestException(
                $"The form has no file called \"{Image}\".",
                "Send one image per request. For many images create a job."
            );
    }

    private static string Boundary(HttpRequest http)
    {
        if (
            !MediaTypeHeaderValue.TryParse(http.ContentType, out var type)
            || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase)
        )
            throw new InvalidRequestException(
                $"The form is {http.ContentType}, which cannot contain an image.",
                $"Send multipart/form-data with the part \"{Image}\"."
            );
        return HeaderUtilities.RemoveQuotes(type.Boundary).ToString() is { Length: > 0 and <= 200 } boundary
            ? boundary
            : throw new InvalidRequestException(
                "The form's Content-Type has no boundary of 1 to 200 characters.",
                "Let your HTTP library write the form."
            );
    }

    /// <summary>Translates the reader's error about a body that ends too early.</summary>
    private static async Task<T> ReadAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (IOException cut) when (cut is not BadHttpRequestException)
        {
            throw new InvalidDataException($"The form ends too early: {cut.Message}", cut);
        }
    }

    /// <summary>Decodes UTF-8 and refuses any other declared charset.</summary>
    private static string Text(string name, byte[] value, string? contentType)
    {
        try
        {
            if (
                MediaTypeHeaderValue.TryParse(contentType, out var type)
                && type.Charset.HasValue
                && HeaderUtilities.RemoveQuotes(type.Charset).ToString().ToLowerInvariant() is not ("utf-8" or "us-ascii")
            )
                throw new InvalidRequestException($"The field \"{name}\" is in {type.Charset}.", "Send its text as UTF-8.");
            return Utf8.GetString(value);
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidRequestException($"The field \"{name}\" is not UTF-8.", "Send its text as UTF-8.");
        }
    }

    private static async Task<byte[]> TextAsync(Stream content, int limit, CancellationToken cancellationToken) =>
        await BoundedRead.ToEndAsync(content, limit, cancellationToken)
        ?? throw new InvalidDataException($"The fields of the form have more than the limit of {MaxFieldBytes} bytes.");
}
