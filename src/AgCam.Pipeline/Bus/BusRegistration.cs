using AgCam.Pipeline.Messages;
using MassTransit;
using MassTransit.Middleware;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace AgCam.Pipeline.Bus;

/// <summary>MassTransit, and nothing else knows of it.</summary>
internal static class BusRegistration
{
    public static void AddExplainBus(this IServiceCollection services, PipelineOptions options)
    {
        services.AddSingleton(new BusNames(options.Prefix));
        services.AddSingleton<ExplainEvents>();
        services.AddSingleton<FaultedMessages>();
        services.Configure<MassTransitHostOptions>(host =>
        {
            host.WaitUntilStarted = true; // else what is sent at once goes nowhere
            host.StartTimeout = options.Start;
            host.StopTimeout = TimeSpan.FromSeconds(30);
            host.ConsumerStopTimeout = TimeSpan.FromSeconds(25);
        });
        if (options.IsInMemory)
        {
            services.AddSingleton<IExplainBus, InProcessBus>();
            services.AddMassTransit(x => x.UsingInMemory((context, bus) => InMemory(context, bus)));
            return;
        }

        var broker = BrokerUri(options.Bus);
        services.AddSingleton(provider => new Topology(broker, provider.GetRequiredService<BusNames>()));
        services.AddHostedService<TopologyStart>();
        services.TryAddSingleton<IExplainBus, MassTransitBus>();
        services.AddMassTransit(x => x.UsingRabbitMq((context, bus) => RabbitMq(context, bus, broker, options)));
    }

    /// <exception cref="OptionsException">Neither memory nor a broker's address.</exception>
    private static Uri BrokerUri(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "amqp" or "amqps"
        ? uri
        : throw new OptionsException($"The bus is \"memory\" or amqp://user:password@host:port/vhost (amqps://). What is set is neither; it is not repeated here, because it may hold a password.");

    private static void InMemory(IBusRegistrationContext context, IInMemoryBusFactoryConfigurator bus)
    {
        var names = context.GetRequiredService<BusNames>();
        if (context.GetService<LaneConcurrency>() is not { } concurrency)
            return;
        var handler = new Lazy<IExplainHandler>(context.GetRequiredService<IExplainHandler>);
        foreach (var lane in Enum.GetValues<Lane>())
            bus.ReceiveEndpoint(names.Of(lane), endpoint =>
            {
                endpoint.ConcurrentMessageLimit = concurrency.Of(lane);
                endpoint.PublishFaults = false;
                endpoint.ConfigureConsumeTopology = false;
                endpoint.Instance(new ExplainConsumer(handler));
            });
    }

    private static void RabbitMq(IBusRegistrationContext context, IRabbitMqBusFactoryConfigurator bus, Uri broker, PipelineOptions options)
    {
        var names = context.GetRequiredService<BusNames>();
        var faulted = context.GetRequiredService<FaultedMessages>();
        bus.Host(broker, host =>
        {
            host.PublisherConfirmation = true;
            host.Heartbeat(TimeSpan.FromSeconds(10));
            host.RequestedConnectionTimeout(TimeSpan.FromSeconds(10));
        });
        if (context.GetService<LaneConcurrency>() is { } concurrency)
        {
            var handler = new Lazy<IExplainHandler>(context.GetRequiredService<IExplainHandler>);
            foreach (var lane in Enum.GetValues<Lane>())
                bus.ReceiveEndpoint(names.Of(lane), endpoint =>
                {
                    Durable(endpoint, names, faulted);
                    // One more than are handled, so that the next is at hand; more would only be returned, and count as delivered, when the process stops.
                    endpoint.PrefetchCount = concurrency.Of(lane) + 1;
                    endpoint.ConcurrentMessageLimit = concurrency.Of(lane);
                    endpoint.Instance(new ExplainConsumer(handler));
                });
            bus.ReceiveEndpoint(names.Intake, endpoint =>
            {
                Durable(endpoint, names, faulted);
                endpoint.PrefetchCount = 8;
                endpoint.ClearSerialization();
                endpoint.UseRawJsonSerializer(RawSerializerOptions.AnyMessageType, isDefault: true);
                endpoint.Instance(new IntakeConsumer(new Lazy<IExplainBus>(context.GetRequiredService<IExplainBus>)));
            });
        }
        if (options.RunJobs)
            bus.ReceiveEndpoint(new TemporaryEndpointDefinition($"{names.Events}-heard"), endpoint =>
            {
                endpoint.ConfigureConsumeTopology = false;
                endpoint.PublishFaults = false;
                endpoint.PrefetchCount = 100;
                endpoint.Bind(names.Events, exchange => exchange.ExchangeType = "fanout");
                endpoint.Instance(new EventConsumer(context.GetRequiredService<ExplainEvents>()));
            });
    }

    private static void Durable(IRabbitMqReceiveEndpointConfigurator endpoint, BusNames names, FaultedMessages faulted)
    {
        endpoint.SetQuorumQueue();
        foreach (var (name, value) in names.QueueArguments)
            endpoint.SetQueueArgument(name, value);
        endpoint.ConfigureConsumeTopology = false;
        endpoint.PublishFaults = false;
        endpoint.ThrowOnSkippedMessages(); // else they end in a queue of their own, without a reason
        endpoint.ConfigureError(error =>
        {
            error.UseFilter(faulted);
            error.UseFilter(new ErrorTransportFilter());
        });
    }
}
