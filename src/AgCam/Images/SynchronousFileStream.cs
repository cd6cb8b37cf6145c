using Microsoft.Win32.SafeHandles;

namespace AgCam.Images;

/// <summary>
/// Reads a file on the calling thread, also in asynchronous calls. Its tasks are complete when they return, so synchronous code can use an
/// asynchronous reader.
/// </summary>
internal sealed class SynchronousFileStream(SafeFileHandle file) : FileStream(file, FileAccess.Read, bufferSize: 1 << 16)
{
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Task.FromResult(Read(buffer, offset, count));
}
