namespace AgCam.Images;

/// <summary>
/// Keeps the pictures that are decoded at the same time below what one largest picture takes: the memory bound is the process's, whatever
/// the number of threads. First come, first served, so that small pictures never keep a huge one out.
/// </summary>
internal static class DecodingBudget
{
    private const long Pixels = 1L << 26;
    private const long Huge = Pixels / 2;

    private static readonly object Gate = new(); // waited on, which a Lock does not do
    private static long _taken;
    private static long _lastTicket;
    private static long _nowServing = 1;

    /// <summary>Waits until there is room; a picture larger than the whole budget runs alone.</summary>
    public static Share Take(long pixels)
    {
        lock (Gate)
        {
            long ticket = ++_lastTicket;
            while (ticket != _nowServing || (_taken > 0 && _taken + pixels > Pixels))
                Monitor.Wait(Gate);
            _nowServing++;
            _taken += pixels;
            Monitor.PulseAll(Gate);
        }
        if (pixels > Huge)
            GC.Collect(); // the last huge pictures' bytes would count on top of this one's
        return new Share(pixels);
    }

    public readonly ref struct Share(long pixels)
    {
        public void Dispose()
        {
            lock (Gate)
            {
                _taken -= pixels;
                Monitor.PulseAll(Gate);
            }
        }
    }
}
