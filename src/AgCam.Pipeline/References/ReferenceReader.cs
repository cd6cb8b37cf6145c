using System.Globalization;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.References;

/// <summary>Follows references to the images' bytes. Safe for use from several threads.</summary>
public sealed class ReferenceReader(ReferenceOptions options, IUploads uploads) : IDisposable
{
    private readonly AllowedRoots _roots = new(options.Roots);
    private readonly HttpImages _http = new(options);

    public AllowedRoots Roots => _roots;

    public ImageLimits Limits => options.Limits;

    /// <exception cref="ImageException">There is no such image, it may not be read, or it breaks a limit: the item fails with that reason.</exception>
    /// <exception cref="StoreUnavailableException">An upload's store does not answer.</exception>
    public async ValueTask<byte[]> ReadAsync(ImageReference reference, CancellationToken cancel = default) => reference.Kind switch
    {
        ReferenceKind.File => ImageDecoder.ReadFile(_roots.Resolve(reference.Uri), options.Limits),
        ReferenceKind.Upload => await ReadUploadAsync(reference.Uri, cancel),
        ReferenceKind.Http => await _http.ReadAsync(reference.Uri, cancel),
        _ => throw new ImageException(ReferenceFailure.NotAllowed, $"References of kind {reference.Kind} are not switched on here."),
    };

    /// <summary>What tells a changed file without reading it: its size and when it was last written.</summary>
    public static string? StampOf(string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? string.Create(CultureInfo.InvariantCulture, $"{file.Length}@{file.LastWriteTimeUtc.Ticks}") : null;
    }

    public void Dispose() => _http.Dispose();

    private async Task<byte[]> ReadUploadAsync(string uri, CancellationToken cancel)
    {
        if (!Guid.TryParseExact(uri, "D", out var id) || await uploads.ReadAsync(id, cancel) is not { } bytes)
            throw new ImageException(ImageFailure.NotFound, $"The upload {uri} is not there, or not any more. Send the image again.");
        return bytes.Length <= options.Limits.MaxBytes
            ? bytes
            : throw new ImageException(ImageFailure.TooManyBytes, $"The upload {uri} has {bytes.Length} bytes; the limit is {options.Limits.MaxBytes}.");
    }
}
