using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Bus;

/// <summary>Names of a pipeline's queues. Each queue is bound to a fanout exchange of the same name.</summary>
internal sealed record BusNames(string Prefix)
{
    public string Bulk => $"{Prefix}-bulk";

    public string Interactive => $"{Prefix}-interactive";

    /// <summary>Queue of requests as plain JSON, from any client.</summary>
    public string Intake => $"{Prefix}-intake";

    /// <summary>Queue of messages that the broker dead-lettered.</summary>
    public string Dead => $"{Prefix}-dead";

    /// <summary>Exchange of events. Each subscriber binds a queue of its own.</summary>
    public string Events => $"{Prefix}-events";

    /// <summary>Prefix of the subscribers' temporary queues; a random id follows.</summary>
    public string EventSubscriber => $"{Events}-subscriber";

    /// <summary>Queue of messages that cannot be handled, each with the reason in its headers.</summary>
    public static string ErrorQueue(string queue) => $"{queue}_error";

    public string Of(Lane lane) => lane == Lane.Interactive ? Interactive : Bulk;

    /// <summary>Arguments of the lanes and the intake. The broker refuses an endpoint that declares others.</summary>
    public IReadOnlyDictionary<string, object> QueueArguments { get; } =
        new Dictionary<string, object>
        {
            ["x-dead-letter-exchange"] = $"{Prefix}-dead",
            ["x-dead-letter-strategy"] = "at-least-once",
            ["x-overflow"] = "reject-publish",
            ["x-delivery-limit"] = 20,
        };
}
