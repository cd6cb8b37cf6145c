namespace AgCam.TestHost.Faults;

/// <summary>The audit of a fault run in seven numbers, and how many processes were killed for it.</summary>
/// <param name="Attempted">Images that were handed in.</param>
/// <param name="Acknowledged">Images of the job that the API answered with a 2xx.</param>
/// <param name="Ok">Images with a stored record that says Completed and whose explanation is stored.</param>
/// <param name="Lost">Images without a record.</param>
/// <param name="Duplicated">Records beyond one for each image.</param>
/// <param name="Recovered">Images of chunks that more than one attempt was made at.</param>
/// <param name="Unexpected">Whatever else is not as it must be.</param>
/// <param name="Kills">Processes ended with SIGKILL.</param>
internal sealed record FaultTally(
    int Attempted,
    int Acknowledged,
    int Ok,
    int Lost,
    int Duplicated,
    int Recovered,
    int Unexpected,
    int Kills
)
{
    public bool Holds => Acknowledged == Attempted && Ok == Attempted && (Lost, Duplicated, Unexpected) == (0, 0, 0);

    public override string ToString() =>
        $"attempted={Attempted} acknowledged={Acknowledged} ok={Ok} lost={Lost} duplicated={Duplicated} recovered={Recovered} "
        + $"unexpected={Unexpected} kills={Kills}";
}

/// <summary>What is written down while it runs.</summary>
internal sealed class FaultLog
{
    private readonly long _begun = TimeProvider.System.GetTimestamp();

    public int Unexpected { get; private set; }

    public int Kills { get; private set; }

    public void Say(string text) => Console.WriteLine($"{TimeProvider.System.GetElapsedTime(_begun):mm\\:ss} {text}");

    public void Killed(string what)
    {
        Kills++;
        Say($"killed {what}");
    }

    /// <param name="count">As many as this, e.g. images.</param>
    public void IsUnexpected(string what, int count = 1)
    {
        Unexpected += count;
        Say($"UNEXPECTED {what}");
    }
}
