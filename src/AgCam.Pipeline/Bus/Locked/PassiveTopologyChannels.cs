using MassTransit;
using MassTransit.RabbitMqTransport;

namespace AgCam.Pipeline.Bus.Locked;

/// <summary>Checks that a queue or exchange exists where MassTransit would declare it, for a user without configure permission.</summary>
/// <param name="isOurs">Selects the names that this process may still declare.</param>
internal sealed class PassiveTopologyChannels(Func<string, bool> isOurs) : IFilter<ChannelContext>
{
    public Task Send(ChannelContext context, IPipe<ChannelContext> next) => next.Send(new PassiveTopologyChannel(context, isOurs));

    public void Probe(ProbeContext context) => context.CreateFilterScope("declares nothing");
}
