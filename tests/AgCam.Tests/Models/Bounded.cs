using System.Diagnostics;
using AgCam.Models;
using Xunit;

namespace AgCam.Tests.Models;

/// <summary>Runs work on hostile input. It may succeed or be refused, within limits of time and memory.</summary>
internal static class Bounded
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <returns>Refusal, or null when the input is accepted.</returns>
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
