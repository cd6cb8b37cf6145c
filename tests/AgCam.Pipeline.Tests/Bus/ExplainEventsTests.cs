using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using Xunit;

namespace AgCam.Pipeline.Tests.Bus;

public sealed class ExplainEventsTests
{
    [Fact]
    public void A_subscriber_that_fails_keeps_an_event_from_nobody()
    {
        var events = new ExplainEvents();
        var heard = 0;
        using var failing = events.Subscribe(_ => throw new ObjectDisposedException("gone"), _ => throw new InvalidOperationException());
        using var other = events.Subscribe(_ => heard++, _ => heard++);

        events.Dispatch(new ChunkExplained());
        events.Dispatch(new JobCompleted());

        Assert.Equal(2, heard);
    }
}
