using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace AgCam.Pipeline;

/// <summary>Files for a TLS connection: whom to trust, and who we are.</summary>
public sealed record TlsOptions
{
    private const byte DerSequence = 0x30; // PKCS#12 begins with it, PEM with a letter or a dash

    /// <summary>PEM: certificates of the authorities that the server's must come from. Default: those that the machine trusts.</summary>
    public string? CaFile { get; init; }

    /// <summary>
    /// Our own certificate, for a server that asks for one: PEM, with its key in <see cref="KeyFile"/> or in the same file, or PKCS#12.
    /// Only the certificate itself is shown:
    /// the server must know the authorities between it and the root. Default none.
    /// </summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM: the key of <see cref="CertificateFile"/>, where it is in a file of its own. Default none.</summary>
    public string? KeyFile { get; init; }

    /// <summary>A file that holds the password of the key or of the PKCS#12 file. Default none.</summary>
    public string? PasswordFile { get; init; }

    /// <summary>The name in the server's certificate where it is not the host of the address. Default: the host.</summary>
    public string? ServerName { get; init; }

    internal bool IsGiven =>
        CaFile is not null || CertificateFile is not null || KeyFile is not null || PasswordFile is not null || ServerName is not null;

    /// <exception cref="OptionsException">A file cannot be read, or certificate and key do not belong together.</exception>
    internal X509Certificate2? ClientCertificate()
    {
        if (CertificateFile is null)
            return KeyFile is null && PasswordFile is null
                ? null
                : throw new OptionsException("TLS: KeyFile and PasswordFile belong to a client's certificate; name it in CertificateFile.");
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

    /// <returns>Null where the machine's own check holds.</returns>
    /// <exception cref="OptionsException">The file of authorities cannot be read or holds none.</exception>
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
        return (_, shown, chain, errors) =>
        {
            if (shown is null)
                return false;
            var certificate = shown as X509Certificate2 ?? new X509Certificate2(shown);
            // A driver that cannot be told another name compares with the host.
            if (ServerName is not null && certificate.MatchesHostname(ServerName))
                errors &= ~SslPolicyErrors.RemoteCertificateNameMismatch;
            return authorities is null ? errors == SslPolicyErrors.None : IsFrom(authorities, certificate, chain, errors);
        };
    }

    /// <summary>The name must fit as ever; only the authority is ours.</summary>
    private static bool IsFrom(
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
        chain.ChainPolicy.DisableCertificateDownloads = true; // a certificate may name addresses that nobody configured
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1")); // a server's certificate
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
        catch (Exception unusable)
            when (unusable is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new OptionsException($"TLS: {path}{with} cannot be used: {unusable.Message}");
        }
    }
}
