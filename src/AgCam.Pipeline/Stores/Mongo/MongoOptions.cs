namespace AgCam.Pipeline.Stores.Mongo;

public sealed record MongoOptions
{
    /// <summary>mongodb:// or mongodb+srv://. Options in it are kept, except that writes are always acknowledged by a majority.</summary>
    public required string Uri { get; init; }

    /// <summary>Default "agcam".</summary>
    public string Database { get; init; } = "agcam";

    /// <summary>For TLS; anything in it switches TLS on. Default nothing: as the URI says.</summary>
    public TlsOptions Tls { get; init; } = new();
}
