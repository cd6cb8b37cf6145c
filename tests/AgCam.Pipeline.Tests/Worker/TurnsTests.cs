using AgCam.Worker.Chunks;
using Xunit;

namespace AgCam.Pipeline.Tests.Worker;

public sealed class TurnsTests
{
    [Fact]
    public async Task Who_becomes_alone_waits_for_the_others_and_they_for_him()
    {
        var turns = new Turns();
        await turns.EnterAsync();
        await turns.EnterAsync();
        var alone = turns.BecomeExclusiveAsync();
        Assert.False(alone.IsCompleted);
        var third = turns.EnterAsync();
        Assert.False(third.IsCompleted);

        turns.Leave();
        await alone;
        Assert.False(third.IsCompleted);

        turns.LeaveExclusive();
        await third;
    }

    [Fact]
    public async Task Two_who_want_to_be_alone_are_so_one_after_the_other()
    {
        var turns = new Turns();
        await turns.EnterAsync();
        await turns.EnterAsync();
        var (item, two) = (turns.BecomeExclusiveAsync(), turns.BecomeExclusiveAsync());
        await item;
        Assert.False(two.IsCompleted);
        turns.LeaveExclusive();
        await two;
        turns.LeaveExclusive();
        await turns.EnterAsync();
    }

    [Fact]
    public async Task Nobody_runs_beside_one_who_is_alone()
    {
        var turns = new Turns();
        var (together, alone, worst) = (0, 0, 0);
        await Task.WhenAll(
            Enumerable
                .Range(0, 200)
                .Select(i =>
                    Task.Run(async () =>
                    {
                        await turns.EnterAsync();
                        if (i % 5 != 0)
                        {
                            Interlocked.Increment(ref together);
                            await Task.Delay(1);
                            worst = Math.Max(worst, Volatile.Read(ref alone));
                            Interlocked.Decrement(ref together);
                            turns.Leave();
                            return;
                        }
                        await turns.BecomeExclusiveAsync();
                        Interlocked.Increment(ref alone);
                        worst = Math.Max(worst, Volatile.Read(ref together) + Volatile.Read(ref alone) - 1);
                        await Task.Yield();
                        Interlocked.Decrement(ref alone);
                        turns.LeaveExclusive();
                    })
                )
        );
        Assert.Equal(0, worst);
    }
}
