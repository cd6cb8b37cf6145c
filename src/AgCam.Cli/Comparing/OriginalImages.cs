using AgCam.Audit.Comparison;
using AgCam.Cli.Auditing;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Cli.Comparing;

/// <summary>
/// Reads the images of jobs again. Files may be read below the folders of the jobs' own sources and the roots of the command line.
/// </summary>
internal sealed class OriginalImages : IDisposable
{
    private readonly ReferenceReader _reader;

    public OriginalImages(ReferenceOptions options, IStore store, params IEnumerable<Job> jobs) =>
        _reader = new ReferenceReader(StoredJob.Readable(options, jobs), store.Uploads);

    /// <summary>Returns the image at the address that A or B has, with the bytes that they explained.</summary>
    /// <exception cref="ImageException">No address has these bytes any more.</exception>
    public async Task<RgbImage> ReadAsync(ImageComparison image, CancellationToken cancellationToken)
    {
        try
        {
            return await ReadAsync(image.A, image.Sha256, cancellationToken);
        }
        catch (ImageException) when (image.A.Uri != image.B.Uri)
        {
            return await ReadAsync(image.B, image.Sha256, cancellationToken);
        }
    }

    public void Dispose() => _reader.Dispose();

    /// <summary>Returns the image at an address, with the bytes that were explained.</summary>
    /// <exception cref="ImageException">The address has not these bytes any more.</exception>
    public async Task<RgbImage> ReadAsync(ImageReference image, Digest sha256, CancellationToken cancellationToken)
    {
        var read = await _reader.ReadAsync(image, cancellationToken);
        return Digest.Of(read.Bytes) == sha256
            ? ImageDecoder.Decode(read.Bytes, _reader.Limits)
            : throw new ImageException(ReferenceFailure.Invalid, $"{image.Uri} has changed: its bytes have another SHA-256.");
    }

    private Task<RgbImage> ReadAsync(ImageOutcome image, Digest sha256, CancellationToken cancellationToken) =>
        ReadAsync(
            new ImageReference
            {
                Number = image.Number,
                Kind = image.Kind,
                Uri = image.Uri,
            },
            sha256,
            cancellationToken
        );
}
