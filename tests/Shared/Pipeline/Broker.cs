using AgCam.Pipeline;
using RabbitMQ.Client;
using Xunit;

namespace AgCam.Testing;

/// <summary>Real broker with a prefix of its own for all names. They are deleted at the end.</summary>
internal sealed class Broker : IAsyncDisposable
{
    public const string Variable = "AGCAM_TEST_RABBITMQ";

    private readonly IConnection _connection;

    private Broker(string uri, IConnection connection, IChannel channel) => (Uri, _connection, Channel) = (uri, connection, channel);

    public static bool IsThere => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 };

    public string Uri { get; }

    public string Prefix { get; } = $"test-{Guid.NewGuid():N}";

    /// <summary>Channel of a plain AMQP client.</summary>
    public IChannel Channel { get; }

    public static async Task<Broker> OpenAsync()
    {
        var uri = Environment.GetEnvironmentVariable(Variable)!;
        var connection = await new ConnectionFactory { Uri = new Uri(uri) }.CreateConnectionAsync(TestContext.Current.CancellationToken);
        var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true),
            TestContext.Current.CancellationToken
        );
        return new Broker(uri, connection, channel);
    }

    public PipelineOptions Over(PipelineOptions options) => options with { Bus = Uri, Prefix = Prefix };

    public async Task<BasicGetResult> GetAsync(string queue, int seconds = 20)
    {
        for (
            var until = DateTime.UtcNow.AddSeconds(seconds);
            DateTime.UtcNow < until;
            await Task.Delay(100, TestContext.Current.CancellationToken)
        )
        {
            // A passive declare closes the channel if the queue is missing, and the connection if it is being created.
            await using var connection = await new ConnectionFactory
            {
                Uri = new Uri(Uri),
                AutomaticRecoveryEnabled = false,
            }.CreateConnectionAsync();
            try
            {
                await using var channel = await connection.CreateChannelAsync();
                if (await channel.BasicGetAsync($"{Prefix}-{queue}", autoAck: true) is { } found)
                    return found;
            }
            catch (Exception e)
                when (e is RabbitMQ.Client.Exceptions.OperationInterruptedException or RabbitMQ.Client.Exceptions.AlreadyClosedException)
            { }
        }
        throw new TimeoutException($"Nothing came to {Prefix}-{queue} in {seconds} s.");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var name in new[] { "bulk", "interactive", "intake", "dead", "bulk_error", "interactive_error", "intake_error", "events" })
        {
            await using var channel = await _connection.CreateChannelAsync();
            await channel.QueueDeleteAsync($"{Prefix}-{name}");
            await channel.ExchangeDeleteAsync($"{Prefix}-{name}");
        }
        await _connection.CloseAsync();
        _connection.Dispose();
    }
}
