using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace AgCam.Pipeline.Telemetry;

/// <summary>Instruments and activity source of the pipeline. They count images, not messages.</summary>
public static class PipelineTelemetry
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "AgCam.Pipeline";

    public static readonly ActivitySource Activities = new(Name);

    private static readonly Meter Meter = new(Name);

    private static readonly double[] Seconds =
    [
        0.0005,
        0.001,
        0.0025,
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1,
        2.5,
        5,
        10,
        30,
        60,
        300,
    ];

    /// <summary>Images with a terminal record. Tags: outcome (completed or failed); reason when failed.</summary>
    public static readonly Counter<long> Images = Meter.CreateCounter<long>(
        "agcam.images",
        "{image}",
        "Images that have their terminal record."
    );

    /// <summary>Images whose explanation was stored already.</summary>
    public static readonly Counter<long> Found = Meter.CreateCounter<long>(
        "agcam.images.found",
        "{image}",
        "Images whose explanation was stored already."
    );

    /// <summary>Images of the chunks that this process has leased.</summary>
    public static readonly UpDownCounter<long> InFlight = Meter.CreateUpDownCounter<long>(
        "agcam.images.inflight",
        "{image}",
        "Images of the chunks that this worker has leased."
    );

    public static readonly Histogram<int> BatchSize = Meter.CreateHistogram(
        "agcam.batch.size",
        "{image}",
        "Images in a forward pass.",
        advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512] }
    );

    public static readonly Histogram<double> BatchSeconds = Histogram("agcam.batch.duration", "Duration of a batch on the device.");

    /// <summary>Seconds with a batch on the device. Its rate is the utilisation, 0 to 1.</summary>
    public static readonly Counter<double> DeviceBusy = Meter.CreateCounter<double>(
        "agcam.device.busy",
        "s",
        "Seconds in which the device had a batch to compute."
    );

    /// <summary>Tags: lane, isolated.</summary>
    public static readonly Histogram<double> ChunkSeconds = Histogram(
        "agcam.chunk.duration",
        "Duration from the lease of a chunk to its end."
    );

    /// <summary>Tags: operation, outcome (ok or failed).</summary>
    public static readonly Histogram<double> StoreSeconds = Histogram("agcam.store.duration", "Duration of a call of the store.");

    /// <summary>Messages that the broker redelivered. Tag: lane.</summary>
    public static readonly Counter<long> Redeliveries = Meter.CreateCounter<long>(
        "agcam.redeliveries",
        "{request}",
        "Messages that the broker redelivered."
    );

    /// <summary>Tag: outcome (delivered, unanswered or given-up).</summary>
    public static readonly Counter<long> Webhooks = Meter.CreateCounter<long>(
        "agcam.webhooks",
        "{call}",
        "Webhook calls about completed jobs."
    );

    private static Stores.Backlog? _backlog;

    private static readonly ObservableGauge<long> BacklogImages = Meter.CreateObservableGauge(
        "agcam.backlog",
        () => Known(backlog => backlog.Images),
        "{image}",
        "Images of all processes that were accepted and have no record yet."
    );

    private static readonly ObservableGauge<double> BacklogAge = Meter.CreateObservableGauge(
        "agcam.backlog.age",
        () => Known(backlog => backlog.Oldest is { } oldest ? Math.Max(0, (DateTimeOffset.UtcNow - oldest).TotalSeconds) : 0),
        "s",
        "Age of the oldest job or request that has not ended."
    );

    /// <summary>Whether an exporter reads the backlog, which costs a query of the store.</summary>
    public static bool WantsBacklog => BacklogImages.Enabled || BacklogAge.Enabled;

    private static Stores.StoreSize? _size;

    private static readonly ObservableGauge<long> StoreBytes = Meter.CreateObservableGauge(
        "agcam.store.size",
        () => KnownSize(size => size.Bytes),
        "By",
        "Bytes of data and indexes in the store."
    );

    private static readonly ObservableGauge<long> StoreFreeBytes = Meter.CreateObservableGauge(
        "agcam.store.free",
        () => KnownSize(size => size.FreeBytes),
        "By",
        "Bytes by which the store can still grow, when known."
    );

    /// <summary>Whether an exporter reads the size of the store.</summary>
    public static bool WantsSize => StoreBytes.Enabled || StoreFreeBytes.Enabled;

    /// <summary>Reports every counter as 0 at start, because the rate over a first failure needs an earlier point.</summary>
    internal static void Begin()
    {
        foreach (var outcome in new[] { "completed", "failed" })
            Images.Add(0, new KeyValuePair<string, object?>("outcome", outcome));
        foreach (var lane in Enum.GetNames<Messages.Lane>())
            Redeliveries.Add(0, new KeyValuePair<string, object?>("lane", lane));
        foreach (var outcome in new[] { "delivered", "unanswered", "given-up" })
            Webhooks.Add(0, new KeyValuePair<string, object?>("outcome", outcome));
        Found.Add(0);
    }

    /// <summary>
    /// Reports a device's instruments as 0 at start. Only workers call it, so averages over devices count no other process.
    /// </summary>
    public static void BeginDevice()
    {
        InFlight.Add(0);
        DeviceBusy.Add(0);
    }

    /// <summary>Sets the value of the gauges. Before the first call they report nothing.</summary>
    internal static void Report(Stores.Backlog backlog) => Volatile.Write(ref _backlog, backlog);

    /// <inheritdoc cref="Report(Stores.Backlog)"/>
    internal static void Report(Stores.StoreSize size) => Volatile.Write(ref _size, size);

    private static Measurement<long>[] KnownSize(Func<Stores.StoreSize, long?> value) =>
        Volatile.Read(ref _size) is { } size && value(size) is { } known ? [new Measurement<long>(known)] : [];

    private static Measurement<T>[] Known<T>(Func<Stores.Backlog, T> value)
        where T : struct => Volatile.Read(ref _backlog) is { } backlog ? [new Measurement<T>(value(backlog))] : [];

    private static Histogram<double> Histogram(string name, string description) =>
        Meter.CreateHistogram(name, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });
}
