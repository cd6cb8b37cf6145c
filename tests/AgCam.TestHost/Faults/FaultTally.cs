namespace AgCam.TestHost.Faults;

/// <summary>Result of a fault run: seven counts and the number of kills.</summary>
/// <param name="Attempted">Submitted images.</param>
/// <param name="Acknowledged">Images of the job that the API accepted with a 2xx.</param>
/// <param name="Ok">Images with a Completed record and a stored explanation.</param>
/// <param name="Lost">Images without a record.</param>
/// <param name="Duplicated">Records beyond one per image.</param>
/// <param name="Recovered">Images of chunks with more than one attempt.</param>
/// <param name="Unexpected">Other deviations.</param>
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

/// <summary>Collects the counts during a run.</summary>
internal sealed class FaultLog
{
    private readonly long _startedAt = TimeProvider.System.GetTimestamp();

    public int Unexpected { get; private set; }

    public int Kills { get; private set; }

    public void Say(string text) => Console.WriteLine($"{TimeProvider.System.GetElapsedTime(_startedAt):mm\\:ss} {text}");

    public void Killed(string what)
    {
        Kills++;
        Say($"killed {what}");
    }

    /// <param name="count">Number of cases, e.g. images.</param>
    public void IsUnexpected(string what, int count = 1)
    {
        Unexpected += count;
        Say($"UNEXPECTED {what}");
    }
}
