namespace AgCam.Pipeline.Bus;

/// <summary>Log categories of the message library.</summary>
public static class BusLogs
{
    /// <summary>
    /// Logs each failed delivery as an error. Hosts switch it off: a requeue is no error, and the pipeline logs faulted messages itself.
    /// </summary>
    public const string Deliveries = "MassTransit.ReceiveTransport";
}
