namespace AgCam.Pipeline.Bus;

/// <summary>A user of the broker and its least permissions in RabbitMQ: regular expressions over names, "^$" for none.</summary>
/// <param name="Name">setup, api, api-polling, worker or producer.</param>
/// <param name="For">Description for the operator.</param>
public sealed record BusRole(string Name, string For, string Configure, string Write, string Read)
{
    private const string Nothing = "^$";

    internal static IReadOnlyList<BusRole> Of(BusNames names)
    {
        var (lanes, subscriber) = ($"({names.Bulk}|{names.Interactive})", $"{names.EventSubscriber}-.*");
        var errorQueues = $"({string.Join('|', new[] { names.Bulk, names.Interactive, names.Intake }.Select(BusNames.ErrorQueue))})";
        var all = $"^{names.Prefix}-";
        return
        [
            new("setup", "agcam topology apply; a process with Pipeline:Topology Apply", all, all, all),
            new(
                "api",
                "agcam api with Pipeline:Topology Verify",
                $"^{subscriber}$",
                $"^({lanes}|{names.Events}|{subscriber})$",
                $"^({names.Events}|{subscriber})$"
            ),
            new("api-polling", "the same with Pipeline:SubscribeToEvents false", Nothing, $"^({lanes}|{names.Events})$", Nothing),
            new(
                "worker",
                "agcam worker with Pipeline:Topology Verify",
                Nothing,
                $"^({lanes}|{names.Events}|{errorQueues})$",
                $"^({lanes}|{names.Intake})$"
            ),
            new("producer", "plain JSON from any client", Nothing, $"^{names.Intake}$", Nothing),
        ];
    }
}
