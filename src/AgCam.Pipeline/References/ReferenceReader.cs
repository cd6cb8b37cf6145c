using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.References;

/// <summary>Follows references to the images' bytes. Safe for use from several threads.</summary>
public sealed class ReferenceReader(ReferenceOptions options, IUploads uploads) : IDisposable
{
    private readonly HttpImages _http = new(options);

    private readonly S3Objects _s3 = new(options.S3, options.Limits, TimeSpan.FromSeconds(options.HostOutageSeconds));

    public AllowedRoots Roots => Files.Roots;

    /// <summary>Opens whatever a source or an annotation names, as the images themselves are opened.</summary>
    internal GuardedFiles Files { get; init; } = new(new AllowedRoots(options.Roots));

    internal S3Objects S3 => _s3;

    public ImageLimits Limits => options.Limits;

    /// <exception cref="ImageException">There is no such image, it may not be read, or it breaks a limit: the item fails with that
    /// reason.</exception>
    /// <exception cref="StoreUnavailableException">An upload's store does not answer.</exception>
    public async ValueTask<ReadImage> ReadAsync(ImageReference reference, CancellationToken cancellationToken = default) =>
        reference.Kind switch
        {
            _ when reference.Refused is { } why => throw new ImageException(ReferenceFailure.Invalid, why),
            ReferenceKind.File => ReadFile(reference.Uri),
            ReferenceKind.Upload => new ReadImage(await ReadUploadAsync(reference.Uri, cancellationToken), null),
            ReferenceKind.Http => new ReadImage(await _http.ReadAsync(reference.Uri, cancellationToken), null),
            ReferenceKind.S3 => await _s3.ReadAsync(reference.Uri, reference.Stamp, cancellationToken),
            _ => throw new ImageException(ReferenceFailure.NotAllowed, $"References of kind {reference.Kind} are not switched on here."),
        };

    /// <summary>
    /// Whether the operator lets it be read: what a worker would refuse later can be refused when it is asked for. Nothing is opened
    /// and nobody is asked.
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
                    // It may be there when a worker looks.
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
    /// Whether the reference's stamp still holds, as far as that can be told without opening anything: a file's is looked up again, an
    /// object's is as new as the listing of its bucket.
    /// </summary>
    /// <exception cref="ImageException">A file that may not be read, or that is not there.</exception>
    public bool IsUnchanged(ImageReference reference) =>
        reference.Stamp is { } stamp
        && reference.Kind switch
        {
            ReferenceKind.File => FileStamp.Of(Files.Roots.Resolve(reference.Uri))?.ToString() == stamp,
            ReferenceKind.S3 => true,
            _ => false,
        };

    public void Dispose() => _http.Dispose();

    /// <summary>The stamp counts only if it was the same before and after, and a later write would change it.</summary>
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
            throw new ImageException(ImageFailure.NotFound, $"The upload {uri} is not there, or not any more. Send the image again.");
        return bytes.Length <= options.Limits.MaxBytes
            ? bytes
            : throw new ImageException(
                ImageFailure.TooManyBytes,
                $"The upload {uri} has {bytes.Length} bytes; the limit is {options.Limits.MaxBytes}."
            );
    }
}
