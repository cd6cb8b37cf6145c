namespace AgCam.Pipeline.Bus;

/// <summary>Every exchange, queue and binding of a pipeline. They are declared, compared and printed from it.</summary>
internal sealed record BusPlan(IReadOnlyList<PlannedQueue> Queues, IReadOnlyList<string> Exchanges)
{
    public static BusPlan Of(BusNames names)
    {
        // The dead-letter queue comes first, since the lanes refer to it.
        var queues = new List<PlannedQueue> { new(names.Dead, Quorum([])) };
        foreach (var name in new[] { names.Bulk, names.Interactive, names.Intake })
        {
            queues.Add(new PlannedQueue(name, Quorum(names.QueueArguments)));
            queues.Add(new PlannedQueue(BusNames.ErrorQueue(name), Quorum([])));
        }
        return new BusPlan(queues, [.. queues.Select(queue => queue.Name), names.Events]);
    }

    private static Dictionary<string, object> Quorum(IEnumerable<KeyValuePair<string, object>> arguments) =>
        new(arguments) { ["x-queue-type"] = "quorum" };
}

/// <summary>A durable queue; the durable fanout exchange of its name is bound to it.</summary>
internal sealed record PlannedQueue(string Name, IReadOnlyDictionary<string, object> Arguments);
