using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.References;

/// <summary>Reads the images that references name. Thread-safe.</summary>
public sealed class ReferenceReader(ReferenceOptions options, IUploads uploads) : IDisposable
{
    private readonly HttpImages _http = new(options);

    private readonly S3Objects _s3 = new(options.S3, options.Limits, TimeSpan.FromSeconds(options.HostOutageSeconds));

    public AllowedRoots Roots => Files.Roots;

    /// <summary>Opens files that sources and annotations name, under the same rules as images.</summary>
    internal GuardedFiles Files { get; init; } = new(new AllowedRoots(options.Roots));

    internal S3Objects S3 => _s3;

    public ImageLimits Limits => options.Limits;

    /// <summary>Reads an image.</summary>
    /// <exception cref="ImageException">The image does not exist, may not be read, or breaks a limit. The item fails with this
    /// reason.</exception>
    /// <exception cref="StoreUnavailableException">The store of an upload does not answer.</exception>
    public async ValueTask<ReadImage> ReadAsync(ImageReference reference, CancellationToken cancellationToken = default) =>
        reference.Kind switch
        {
            _ when reference.Refused is { } why => throw new ImageException(ReferenceFailure.Invalid, why),
            ReferenceKind.File => ReadFile(reference.Uri),
            ReferenceKind.Upload => new ReadImage(await ReadUploadAsync(reference.Uri, cancellationToken), null),
            ReferenceKind.Http => new ReadImage(await _http.ReadAsync(reference.Uri, cancellationToken), null),
            ReferenceKind.S3 => await _s3.ReadAsync(reference.Uri, reference.Stamp, cancellationToken),
            _ => throw new ImageException(ReferenceFailure.NotAllowed, $"References of kind {reference.Kind} are not supported."),
        };

    /// <summary>
    /// Throws when the operator does not allow the place. A request is refused early by it. It opens nothing and calls no host.
    /// </summary>
    /// <exception cref="ImageException">not-allowed.</exception>
    public void Check(ImageReference reference)
    {
        switch (reference.Kind)
        {
            case ReferenceKind.File:
                try
                {
                    Files.Roots.Resolve(reference.Uri);
                }
                catch (ImageException e) when (e.Reason == ImageFailure.NotFound)
                {
                    // The file may exist when a worker reads it.
                }
                break;
            case ReferenceKind.S3:
                _s3.Check(reference.Uri);
                break;
            case ReferenceKind.Http when Uri.TryCreate(reference.Uri, UriKind.Absolute, out var uri):
                _http.Check(uri);
                break;
        }
    }

    /// <summary>
    /// Returns whether the reference's stamp is still valid, without opening the source. A file's stamp is read again; an object's is as
    /// recent as the listing of its bucket.
    /// </summary>
    /// <exception cref="ImageException">The file may not be read or does not exist.</exception>
    public bool IsUnchanged(ImageReference reference) =>
        reference.Stamp is { } stamp
        && reference.Kind switch
        {
            ReferenceKind.File => FileStamp.Of(Files.Roots.Resolve(reference.Uri))?.ToString() == stamp,
            ReferenceKind.S3 => true,
            _ => false,
        };

    public void Dispose() => _http.Dispose();

    /// <summary>Reads a file. The stamp is kept only if it is the same before and after, and a later write would change it.</summary>
    private ReadImage ReadFile(string path)
    {
        using var file = Files.Open(path);
        var bytes = file.Read(options.Limits);
        return new ReadImage(
            bytes,
            FileStamp.Of(file.Status) is { } stamp && file.IsUnchanged() && stamp.IsSettled(TimeProvider.System.GetUtcNow())
                ? stamp.ToString()
                : null
        );
    }

    private async Task<byte[]> ReadUploadAsync(string uri, CancellationToken cancellationToken)
    {
        if (!Guid.TryParseExact(uri, "D", out var id) || await uploads.ReadAsync(id, cancellationToken) is not { } bytes)
            throw new ImageException(ImageFailure.NotFound, $"The upload {uri} does not exist or has expired. Send the image again.");
        return bytes.Length <= options.Limits.MaxBytes
            ? bytes
            : throw new ImageException(
                ImageFailure.TooManyBytes,
                $"The upload {uri} has {bytes.Length} bytes; the limit is {options.Limits.MaxBytes}."
            );
    }
}
