namespace AgCam.Pipeline.Bus;

public static class BusHealth
{
    /// <summary>Tag of the health checks that the bus registers.</summary>
    public const string Tag = "masstransit";
}
