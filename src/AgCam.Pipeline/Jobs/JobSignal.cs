namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Wakes the job loops of this process before their next poll. Other processes find the change in the store when they poll.
/// </summary>
public sealed class JobSignal
{
    internal SemaphoreSlim Plan { get; } = new(0, 1);

    internal SemaphoreSlim Publish { get; } = new(0, 1);

    /// <summary>Signals that a job was created or resumed.</summary>
    public void Changed()
    {
        Wake(Plan);
        Wake(Publish);
    }

    /// <summary>Signals that there are chunks to publish, or room for more.</summary>
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
