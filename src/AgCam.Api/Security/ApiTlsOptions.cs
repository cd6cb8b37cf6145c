namespace AgCam.Api.Security;

/// <summary>Certificate files of the API. They are read again when they change, without a restart.</summary>
public sealed record ApiTlsOptions
{
    /// <summary>PEM file with the certificate of the https:// addresses and its intermediate authorities. Default none.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM file with the private key of <see cref="CertificateFile"/>, when it is a separate file. Default none.</summary>
    public string? KeyFile { get; init; }
}
