namespace AgCam.Pipeline.Bus;

/// <summary>Who uses the broker, and the least that RabbitMQ must permit it: regular expressions over names, "^$" for nothing.</summary>
/// <param name="Name">setup, api, worker or producer.</param>
/// <param name="For">What it is, in words.</param>
public sealed record BusRole(string Name, string For, string Configure, string Write, string Read)
{
    private const string Nothing = "^$";

    internal static IReadOnlyList<BusRole> Of(BusNames names)
    {
        var (lanes, heard) = ($"({names.Bulk}|{names.Interactive})", $"{names.Heard}-.*");
        var aside = $"({string.Join('|', new[] { names.Bulk, names.Interactive, names.Intake }.Select(BusNames.PutAside))})";
        var all = $"^{names.Prefix}-";
        return
        [
            new("setup", "agcam topology apply; a process with Pipeline:Topology Apply", all, all, all),
            new("api", "agcam api with Pipeline:Topology Verify", $"^{heard}$", $"^({lanes}|{names.Events}|{heard})$", $"^({names.Events}|{heard})$"),
            new("api-deaf", "the same with Pipeline:HearEvents false", Nothing, $"^({lanes}|{names.Events})$", Nothing),
            new("worker", "agcam worker with Pipeline:Topology Verify", Nothing, $"^({lanes}|{names.Events}|{aside})$", $"^({lanes}|{names.Intake})$"),
            new("producer", "plain JSON from any client", Nothing, $"^{names.Intake}$", Nothing),
        ];
    }
}
