namespace AgCam.Models.Hub;

/// <summary>
/// Excludes other processes with an exclusively opened file; the operating system releases it when the process ends. On Unix .NET uses
/// flock, as Python's filelock does, so both exclude each other.
/// </summary>
internal sealed class HubLock : IDisposable
{
    private readonly FileStream _stream;

    private HubLock(FileStream stream) => _stream = stream;

    public static async Task<HubLock> AcquireAsync(string path, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                return new HubLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException error) when (IsHeld(error))
            {
                await Task.Delay(100, cancellationToken);
            }
        }
    }

    /// <summary>Returns whether the file is locked: EAGAIN on Linux, EWOULDBLOCK on macOS, a sharing violation on Windows.</summary>
    private static bool IsHeld(IOException error) => error.HResult is 11 or 35 or unchecked((int)0x80070020);

    public void Dispose() => _stream.Dispose();
}
