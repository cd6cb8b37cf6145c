namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Has this process's job loops look now rather than at their next poll. Other processes find the same in the store a little later.
/// </summary>
public sealed class JobSignal
{
    internal SemaphoreSlim Plan { get; } = new(0, 1);

    internal SemaphoreSlim Publish { get; } = new(0, 1);

    /// <summary>A job was created, or resumed.</summary>
    public void Changed()
    {
        Wake(Plan);
        Wake(Publish);
    }

    /// <summary>There are chunks to publish, or there is room for more.</summary>
    internal void Planned() => Wake(Publish);

    private static void Wake(SemaphoreSlim loop)
    {
        try
        {
            loop.Release();
        }
        catch (SemaphoreFullException) { }
    }
}
