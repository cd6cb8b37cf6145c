namespace AgCam.Pipeline.Bus;

/// <summary>Who uses the broker, and the least that RabbitMQ must permit it: regular expressions over names, "^$" for nothing.</summary>
/// <param name="Name">setup, api, worker or producer.</param>
/// <param name="For">What it is, in words.</param>
public sealed record BusRole(string Name, string For, string Configure, string Write, string Read)
{
    private const string Nothing = "^$";

    internal static IReadOnlyList<BusRole> Of(BusNames names)
    {
        var (parallelBatches, subscriber) = ($"({names.Bulk}|{names.Interactive})", $"{names.EventSubscriber}-.*");
        var aside = $"({string.Join('|', new[] { names.Bulk, names.Interactive, names.Intake }.Select(BusNames.ErrorQueue))})";
        var all = $"^{names.Prefix}-";
        return
        [
            new("setup", "agcam topology apply; a process with Pipeline:Topology Apply", all, all, all),
            new(
                "api",
                "agcam api with Pipeline:Topology Verify",
                $"^{subscriber}$",
                $"^({parallelBatches}|{names.Events}|{subscriber})$",
                $"^({names.Events}|{subscriber})$"
            ),
            new("api-polling", "the same with Pipeline:SubscribeToEvents false", Nothing, $"^({parallelBatches}|{names.Events})$", Nothing),
            new(
                "worker",
                "agcam worker with Pipeline:Topology Verify",
                Nothing,
                $"^({parallelBatches}|{names.Events}|{aside})$",
                $"^({parallelBatches}|{names.Intake})$"
            ),
            new("producer", "plain JSON from any client", Nothing, $"^{names.Intake}$", Nothing),
        ];
    }
}
