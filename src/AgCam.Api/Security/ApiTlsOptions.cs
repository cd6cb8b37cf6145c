namespace AgCam.Api.Security;

/// <summary>Files of the API's own certificate. Both are read again when they change, without a restart.</summary>
public sealed record ApiTlsOptions
{
    /// <summary>
    /// PEM: the certificate that the API shows at https:// addresses, and behind it the authorities between it and the root. Default none.
    /// </summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM: the key of <see cref="CertificateFile"/>, where it is in a file of its own. Default none.</summary>
    public string? KeyFile { get; init; }
}
