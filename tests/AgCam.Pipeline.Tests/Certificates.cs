using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace AgCam.Pipeline.Tests;

/// <summary>Creates certificates and keys for a test in files of a temporary folder.</summary>
internal sealed class Certificates : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-tls-").FullName;
    private readonly Dictionary<string, X509Certificate2> _made = [];

    /// <returns>The paths of a self-signed certificate, valid for an authority, a server and a client, and of its key.</returns>
    public (string Certificate, string Key) Authority(string name) =>
        Save(
            name,
            Request(name, isAuthority: true, out var key)
                .CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-12), DateTimeOffset.UtcNow.AddHours(12)),
            key
        );

    /// <returns>The paths of a certificate that <paramref name="authority"/> signed, and of its key.</returns>
    /// <param name="host">Host name of a server certificate; null for a client certificate.</param>
    public (string Certificate, string Key) Signed(string name, string authority, string? host = null)
    {
        var request = Request(name, isAuthority: false, out var key);
        if (host is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(host);
            request.CertificateExtensions.Add(names.Build());
        }
        var issuer = _made[authority];
        return Save(
            name,
            request.Create(issuer, issuer.NotBefore, issuer.NotAfter, [1, .. RandomNumberGenerator.GetBytes(8)]).CopyWithPrivateKey(key),
            key
        );
    }

    /// <returns>The certificate of this name with its key.</returns>
    public X509Certificate2 this[string name] => _made[name];

    /// <returns>The path of a PEM file with certificate and key.</returns>
    public string Both(string name) =>
        Text($"{name}-both.pem", $"{_made[name].ExportCertificatePem()}\n{_made[name].GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem()}\n");

    /// <returns>The path of the key, encrypted with a password.</returns>
    public string Locked(string name, string password) =>
        Text(
            $"{name}-locked.key",
            _made[name]
                .GetRSAPrivateKey()!
                .ExportEncryptedPkcs8PrivateKeyPem(
                    password,
                    new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 2000)
                )
        );

    public string Pkcs12(string name, string password)
    {
        var path = Path.Combine(_folder, $"{name}.p12");
        File.WriteAllBytes(path, _made[name].Export(X509ContentType.Pkcs12, password));
        return path;
    }

    public string Text(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose()
    {
        foreach (var certificate in _made.Values)
            certificate.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static CertificateRequest Request(string name, bool isAuthority, out RSA key)
    {
        key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false)
        );
        return request;
    }

    private (string Certificate, string Key) Save(string name, X509Certificate2 certificate, RSA key)
    {
        _made[name] = certificate;
        var paths = (Text($"{name}.pem", certificate.ExportCertificatePem()), Text($"{name}.key", key.ExportPkcs8PrivateKeyPem()));
        key.Dispose();
        return paths;
    }
}
