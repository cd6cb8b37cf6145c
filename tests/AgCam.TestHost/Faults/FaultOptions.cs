namespace AgCam.TestHost.Faults;

/// <summary>Options of a fault run.</summary>
internal sealed record FaultOptions
{
    public required string Rabbit { get; init; }

    /// <summary>Address of the broker's management API, which is needed to list bindings.</summary>
    public required Uri Management { get; init; }

    public required string Mongo { get; init; }

    /// <summary>Script that restarts the services (infra/test-services/debian.sh).</summary>
    public required string Services { get; init; }

    public int Images { get; init; } = 20_000;

    /// <summary>Whether to use the shipped model instead of the null engine.</summary>
    public bool RealModel { get; init; } = true;

    /// <summary>Number of kills at each point.</summary>
    public int Rounds { get; init; } = 3;

    public int OutageSeconds { get; init; } = 20;

    /// <summary>Milliseconds added to each image of the steady worker, so that the job outlasts the faults.</summary>
    public double SlowMilliseconds { get; init; }

    /// <summary>Seed for the order and the times of the faults.</summary>
    public int Seed { get; init; } = 1;

    /// <exception cref="ArgumentException">Services are missing.</exception>
    public static FaultOptions Parse(Dictionary<string, string> given)
    {
        var real = given.GetValueOrDefault("engine", "model") switch
        {
            "model" => true,
            "null" => false,
            var other => throw new ArgumentException($"engine={other} is not known: model or null."),
        };
        int Number(string name, int otherwise) => given.TryGetValue(name, out var text) ? int.Parse(text) : otherwise;
        return new FaultOptions
        {
            Rabbit = Service("AGCAM_TEST_RABBITMQ"),
            Management = new Uri(Service("AGCAM_TEST_RABBITMQ_MANAGEMENT")),
            Mongo = Service("AGCAM_TEST_MONGODB"),
            Services = Service("AGCAM_TEST_SERVICES"),
            Images = Number("images", 20_000),
            RealModel = real,
            Rounds = Number("rounds", 3),
            OutageSeconds = Number("outage", 20),
            SlowMilliseconds = Number("slow", real ? 0 : 20),
            Seed = Number("seed", 1),
        };
    }

    private static string Service(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value
            ? value
            : throw new ArgumentException(
                $"{variable} is not set: the fault run restarts broker and store. Run ./test.sh --faults as root on Debian, "
                    + $"which starts them."
            );
}
