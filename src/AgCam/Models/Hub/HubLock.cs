namespace AgCam.Models.Hub;

/// <summary>
/// One process at a time, by an exclusively opened file; the system lets go of it when the process ends, however it ends. On Unix .NET
/// takes flock, as Python's filelock does, so both take turns on the same cache.
/// </summary>
internal sealed class HubLock : IDisposable
{
    private readonly FileStream _stream;

    private HubLock(FileStream stream) => _stream = stream;

    public static async Task<HubLock> TakeAsync(string path, CancellationToken cancellationToken)
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

    /// <summary>EAGAIN on Linux, EWOULDBLOCK on macOS, a sharing violation on Windows.</summary>
    private static bool IsHeld(IOException error) => error.HResult is 11 or 35 or unchecked((int)0x80070020);

    public void Dispose() => _stream.Dispose();
}
