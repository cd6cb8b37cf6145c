namespace AgCam.Pipeline.Stores.Mongo;

public sealed record MongoOptions
{
    /// <summary>Address: mongodb:// or mongodb+srv://. Its write concern is ignored, because a majority acknowledges every write.</summary>
    public required string Uri { get; init; }

    /// <summary>Name of the database. Default "agcam".</summary>
    public string Database { get; init; } = "agcam";

    /// <summary>Settings for TLS. Any setting switches TLS on. Default: none, as the URI says.</summary>
    public TlsOptions Tls { get; init; } = new();
}
