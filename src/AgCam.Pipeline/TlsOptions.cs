using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace AgCam.Pipeline;

/// <summary>Files of a TLS connection: trusted authorities and the client's certificate.</summary>
public sealed record TlsOptions
{
    private const byte DerSequence = 0x30; // PKCS#12 begins with it, PEM with a letter or a dash

    /// <summary>PEM file with the certificate authorities that may sign the server's certificate. Default: the machine's.</summary>
    public string? CaFile { get; init; }

    /// <summary>
    /// Client certificate, for a server that requires one: PEM, with its key in <see cref="KeyFile"/> or in the same file, or PKCS#12. Only
    /// the certificate itself is sent, so the server must know the authorities up to the root. Default none.
    /// </summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM file with the key of <see cref="CertificateFile"/>, when it is a separate file. Default none.</summary>
    public string? KeyFile { get; init; }

    /// <summary>File that holds the password of the key or of the PKCS#12 file. Default none.</summary>
    public string? PasswordFile { get; init; }

    /// <summary>Name in the server's certificate, when it differs from the host of the address. Default: the host.</summary>
    public string? ServerName { get; init; }

    internal bool IsGiven =>
        CaFile is not null || CertificateFile is not null || KeyFile is not null || PasswordFile is not null || ServerName is not null;

    /// <summary>Loads the client certificate; null when none is configured.</summary>
    /// <exception cref="OptionsException">A file cannot be read, or certificate and key do not match.</exception>
    internal X509Certificate2? ClientCertificate()
    {
        if (CertificateFile is null)
            return KeyFile is null && PasswordFile is null
                ? null
                : throw new OptionsException("TLS: KeyFile and PasswordFile need a client certificate. Set CertificateFile.");
        var password = PasswordFile is null ? null : SecretFile.Read("TLS: PasswordFile", PasswordFile);
        return
            Read(
                CertificateFile,
                path =>
                {
                    var bytes = File.ReadAllBytes(path);
                    if (bytes.Length == 0)
                        throw new CryptographicException("It is empty.");
                    if (bytes[0] == DerSequence)
                        return KeyFile is null
                            ? X509CertificateLoader.LoadPkcs12(bytes, password)
                            : throw new CryptographicException("It is PKCS#12, which holds its key: leave KeyFile out.");
                    return password is null
                        ? X509Certificate2.CreateFromPemFile(path, KeyFile)
                        : X509Certificate2.CreateFromEncryptedPemFile(path, password, KeyFile);
                },
                KeyFile is null ? "" : $" with the key {KeyFile}"
            )
                is { HasPrivateKey: true } certificate
            ? certificate
            : throw new OptionsException($"TLS: {CertificateFile} holds no private key. Name a file with one.");
    }

    /// <summary>Returns the check of the server's certificate.</summary>
    /// <returns>Null when the machine's default check applies.</returns>
    /// <exception cref="OptionsException">The file of authorities cannot be read or holds no certificate.</exception>
    internal RemoteCertificateValidationCallback? Validation()
    {
        if (CaFile is null && ServerName is null)
            return null;
        var authorities = CaFile is null
            ? null
            : Read(
                CaFile,
                path =>
                {
                    var found = new X509Certificate2Collection();
                    found.ImportFromPemFile(path);
                    return found.Count > 0 ? found : throw new OptionsException($"TLS: {path} holds no certificate. It must be PEM.");
                }
            );
        return (_, presented, chain, errors) =>
        {
            if (presented is null)
                return false;
            var certificate = presented as X509Certificate2 ?? new X509Certificate2(presented);
            // A driver without a setting for the name compares with the host.
            if (ServerName is not null && certificate.MatchesHostname(ServerName))
                errors &= ~SslPolicyErrors.RemoteCertificateNameMismatch;
            return authorities is null ? errors == SslPolicyErrors.None : IsSignedBy(authorities, certificate, chain, errors);
        };
    }

    /// <summary>Checks a certificate against the configured authorities. The name is checked as usual.</summary>
    private static bool IsSignedBy(
        X509Certificate2Collection authorities,
        X509Certificate2 certificate,
        X509Chain? sent,
        SslPolicyErrors errors
    )
    {
        if ((errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None)
            return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true; // a certificate may name addresses that are not configured
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1")); // server authentication
        if (sent is not null)
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        return chain.Build(certificate);
    }

    private static T Read<T>(string path, Func<string, T> read, string with = "")
    {
        try
        {
            return read(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new OptionsException($"TLS: {path}{with} cannot be used: {e.Message}");
        }
    }
}
