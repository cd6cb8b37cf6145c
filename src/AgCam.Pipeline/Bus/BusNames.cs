using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Bus;

/// <summary>Queues of one pipeline; each has a fanout exchange of its own name in front of it.</summary>
internal sealed record BusNames(string Prefix)
{
    public string Bulk => $"{Prefix}-bulk";

    public string Interactive => $"{Prefix}-interactive";

    /// <summary>Plain JSON from any client.</summary>
    public string Intake => $"{Prefix}-intake";

    /// <summary>What can never be carried out, and what the broker gave up on.</summary>
    public string Dead => $"{Prefix}-dead";

    /// <summary>An exchange without a queue: who wants to hear binds one.</summary>
    public string Events => $"{Prefix}-events";

    /// <summary>What temporary queues are called by which processes hear of events; something random follows.</summary>
    public string EventSubscriber => $"{Events}-subscriber";

    /// <summary>Where messages of a queue go that can never be carried out, each with its reason.</summary>
    public static string ErrorQueue(string queue) => $"{queue}_error";

    public string Of(Lane lane) => lane == Lane.Interactive ? Interactive : Bulk;

    /// <summary>Of the lanes and the intake. The endpoints must ask for exactly these, or the broker refuses them.</summary>
    public IReadOnlyDictionary<string, object> QueueArguments { get; } =
        new Dictionary<string, object>
        {
            ["x-dead-letter-exchange"] = $"{Prefix}-dead",
            ["x-dead-letter-strategy"] = "at-least-once",
            ["x-overflow"] = "reject-publish",
            ["x-delivery-limit"] = 20,
        };
}
