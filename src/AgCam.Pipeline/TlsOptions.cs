using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace AgCam.Pipeline;

/// <summary>PEM files for a TLS connection: whom to trust, and who we are.</summary>
public sealed record TlsOptions
{
    /// <summary>Certificates of the authorities that the server's must come from. Default: those that the machine trusts.</summary>
    public string? CaFile { get; init; }

    /// <summary>Our own certificate, for a server that asks for one; intermediate certificates may follow it. Default none.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>The key of <see cref="CertificateFile"/>, without a password. Default none.</summary>
    public string? KeyFile { get; init; }

    /// <summary>The name in the server's certificate where it is not the host of the address. Used for the broker. Default: the host.</summary>
    public string? ServerName { get; init; }

    internal bool IsGiven => CaFile is not null || CertificateFile is not null;

    /// <exception cref="OptionsException">A file cannot be read, or certificate and key do not belong together.</exception>
    internal X509Certificate2? ClientCertificate()
    {
        if (CertificateFile is null && KeyFile is null)
            return null;
        if (CertificateFile is null || KeyFile is null)
            throw new OptionsException("TLS: a client's certificate needs CertificateFile and KeyFile; only one is given.");
        return Read(CertificateFile, path => X509Certificate2.CreateFromPemFile(path, KeyFile));
    }

    /// <returns>Null where the machine's own check holds.</returns>
    /// <exception cref="OptionsException">The file of authorities cannot be read or holds none.</exception>
    internal RemoteCertificateValidationCallback? Validation()
    {
        if (CaFile is null)
            return null;
        var authorities = Read(CaFile, path =>
        {
            var found = new X509Certificate2Collection();
            found.ImportFromPemFile(path);
            return found.Count > 0 ? found : throw new OptionsException($"TLS: {path} holds no certificate. It must be PEM.");
        });
        return (_, certificate, chain, errors) => certificate is not null && IsFrom(authorities, new X509Certificate2(certificate), chain, errors);
    }

    /// <summary>The name must fit as ever; only the authority is ours.</summary>
    private static bool IsFrom(X509Certificate2Collection authorities, X509Certificate2 certificate, X509Chain? sent, SslPolicyErrors errors)
    {
        if ((errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None)
            return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1")); // a server's certificate
        if (sent is not null)
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        return chain.Build(certificate);
    }

    private static T Read<T>(string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new OptionsException($"TLS: {path} cannot be used: {unusable.Message}");
        }
    }
}
