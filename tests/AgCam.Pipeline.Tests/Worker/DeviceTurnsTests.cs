using AgCam.Worker.Batching;
using Xunit;

namespace AgCam.Pipeline.Tests.Worker;

public sealed class DeviceTurnsTests
{
    private readonly DeviceTurns _turns = new();

    [Fact]
    public async Task Batches_share_and_what_is_measured_is_alone()
    {
        await SharedAsync();
        await SharedAsync();
        var alone = AloneAsync();
        Assert.False(alone.IsCompleted);
        _turns.Leave(alone: false);
        Assert.False(alone.IsCompleted);
        _turns.Leave(alone: false);
        await alone.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.False(SharedAsync().IsCompleted);
        Assert.False(AloneAsync().IsCompleted);
    }

    [Fact]
    public async Task Whoever_comes_first_is_first()
    {
        await AloneAsync();
        var (batch, measured, later) = (SharedAsync(), AloneAsync(), SharedAsync());
        _turns.Leave(alone: true);
        await batch.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.False(measured.IsCompleted);
        Assert.False(later.IsCompleted); // else measuring could wait for ever
        _turns.Leave(alone: false);
        await measured.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.False(later.IsCompleted);
        _turns.Leave(alone: true);
        await later.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Who_gives_up_holds_nobody_up()
    {
        using var gone = new CancellationTokenSource();
        await SharedAsync();
        var (measured, behind) = (_turns.EnterAsync(alone: true, gone.Token), SharedAsync());
        Assert.False(behind.IsCompleted);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => measured);
        await behind.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        _turns.Leave(alone: false);
        _turns.Leave(alone: false);
        await AloneAsync().WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    private Task SharedAsync() => _turns.EnterAsync(alone: false, CancellationToken.None);

    private Task AloneAsync() => _turns.EnterAsync(alone: true, CancellationToken.None);
}
