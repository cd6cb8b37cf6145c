using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using Xunit;

namespace AgCam.Pipeline.Tests.Bus;

public sealed class ExplainEventsTests
{
    [Fact]
    public void Failing_subscriber_does_not_stop_an_event_from_reaching_the_others()
    {
        var events = new ExplainEvents();
        var received = 0;
        using var failing = events.Subscribe(
            _ => throw new ObjectDisposedException("disposed"),
            _ => throw new InvalidOperationException()
        );
        using var other = events.Subscribe(_ => received++, _ => received++);

        events.Dispatch(new ChunkExplained());
        events.Dispatch(new JobCompleted());

        Assert.Equal(2, received);
    }
}
