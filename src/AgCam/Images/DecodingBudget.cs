namespace AgCam.Images;

/// <summary>
/// Limits the total pixels of images that are decoded at the same time to those of one largest image. So memory is bounded for any number
/// of threads. Requests are served in order, so small images do not starve a large one.
/// </summary>
internal static class DecodingBudget
{
    private const long Pixels = 1L << 26;
    private const long Huge = Pixels / 2;

    private static readonly object Gate = new(); // for Monitor.Wait, which Lock lacks
    private static long _taken;
    private static long _lastTicket;
    private static long _nowServing = 1;

    /// <summary>Waits until the budget has room. An image larger than the whole budget is decoded when no other is.</summary>
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
            GC.Collect(); // the last large images' bytes would add to this one's
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
