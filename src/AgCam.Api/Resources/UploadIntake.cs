using AgCam.Images;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Resources;

/// <summary>Streams uploads to the store. Only an image whose header does not give its size is held in memory, for a check.</summary>
internal sealed class UploadIntake(ApiOptions options, IStore store)
{
    /// <summary>Maximum bytes that are searched for the image header before anything is stored.</summary>
    private const int Beginning = 64 << 10;

    private readonly SemaphoreSlim _wholeChecks = new(1); // one whole image at a time

    /// <summary>Stores an image within the limits. A file that is no image is refused at once.</summary>
    /// <param name="owner">Name of the API key; null without keys.</param>
    /// <exception cref="ImageException">The file is empty, no image, or exceeds the limits; nothing is stored.</exception>
    public async Task<Upload> KeepAsync(Stream content, string? mediaType, string? owner, CancellationToken cancellationToken)
    {
        var buffer = new byte[Beginning];
        var filled = await content.ReadAtLeastAsync(buffer, Beginning, throwOnEndOfStream: false, cancellationToken);
        var beginning = filled < Beginning ? buffer[..filled] : buffer;
        var isWhole = filled < Beginning;
        var isChecked = isWhole;
        if (isWhole)
            ImageDecoder.CheckHeader(beginning, options.UploadLimits);
        else
            isChecked = ImageDecoder.CheckBeginning(beginning, options.UploadLimits);
        var upload = await PutAsync(
            isWhole ? new MemoryStream(beginning, writable: false) : new Resumed(beginning, content),
            mediaType,
            owner,
            cancellationToken
        );
        if (!isChecked)
            await CheckWholeAsync(upload, cancellationToken);
        return upload;
    }

    /// <summary>Deletes an upload that nothing refers to.</summary>
    public async Task DiscardAsync(Guid upload)
    {
        try
        {
            await store.Uploads.DeleteAsync(upload, CancellationToken.None);
        }
        catch (StoreUnavailableException)
        {
            // Retention deletes it in time.
        }
    }

    /// <summary>Reads an image without storing it.</summary>
    public static async Task<Digest> HashAsync(Stream content, CancellationToken cancellationToken) =>
        new(await System.Security.Cryptography.SHA256.HashDataAsync(content, cancellationToken));

    private async Task<Upload> PutAsync(Stream content, string? mediaType, string? owner, CancellationToken cancellationToken)
    {
        try
        {
            return await store.Uploads.PutAsync(
                content,
                mediaType ?? "application/octet-stream",
                options.MaxUploadBytes,
                owner,
                cancellationToken
            );
        }
        catch (ArgumentException large)
        {
            throw new ImageException(ImageFailure.TooManyBytes, large.Message, large);
        }
    }

    private async Task CheckWholeAsync(Upload upload, CancellationToken cancellationToken)
    {
        try
        {
            await _wholeChecks.WaitAsync(cancellationToken);
            try
            {
                if (await store.Uploads.ReadAsync(upload.Id, cancellationToken) is { } image)
                    ImageDecoder.CheckHeader(image, options.UploadLimits);
            }
            finally
            {
                _wholeChecks.Release();
            }
        }
        catch
        {
            await DiscardAsync(upload.Id);
            throw;
        }
    }

    /// <summary>Stream whose beginning was read already.</summary>
    private sealed class Resumed(byte[] beginning, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _beginning = beginning;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_beginning.IsEmpty)
                return rest.ReadAsync(buffer, cancellationToken);
            var count = Math.Min(buffer.Length, _beginning.Length);
            _beginning[..count].CopyTo(buffer);
            _beginning = count == _beginning.Length ? default : _beginning[count..];
            return ValueTask.FromResult(count);
        }

        public override int Read(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException("Bodies are read asynchronously.");

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() { }
    }
}
