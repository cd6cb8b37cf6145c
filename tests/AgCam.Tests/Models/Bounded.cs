using System.Diagnostics;
using AgCam.Models;
using Xunit;

namespace AgCam.Tests.Models;

/// <summary>
/// Work on hostile input: it may succeed or be refused, but neither crash, nor take long, nor allocate more than it should.
/// </summary>
internal static class Bounded
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <returns>The refusal, or null where the input was accepted.</returns>
    public static ModelException? Run(string what, long mostBytes, Action work)
    {
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        ModelException? refusal = null;
        try
        {
            work();
        }
        catch (ModelException error)
        {
            refusal = error;
        }
        catch (Exception error)
        {
            Assert.Fail($"{what}: {error}");
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Assert.True(clock.Elapsed < Longest, $"{what} took {clock.Elapsed}");
        Assert.True(allocated <= mostBytes, $"{what} allocated {allocated:N0} bytes");
        return refusal;
    }
}
