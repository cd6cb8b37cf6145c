using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace AgCam.Api.Security;

/// <summary>
/// Holds the certificate of the API and reloads it when its files change. Contents are compared: a Kubernetes secret changes by a symbolic
/// link and keeps its times. Files that cannot be used leave the current certificate in place.
/// </summary>
internal sealed class ServerCertificate
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly ApiTlsOptions _options;
    private readonly TimeProvider _clock;
    private readonly Lock _lock = new();
    private ILogger? _log;
    private byte[] _digest;
    private long _lookedAt;
    private SslStreamCertificateContext _current;

    /// <exception cref="ApiConfigurationException">A file cannot be read, or certificate and key do not belong together.</exception>
    public ServerCertificate(ApiTlsOptions options, TimeProvider clock)
    {
        (_options, _clock) = (options, clock);
        try
        {
            (_digest, _current, _lookedAt) = (ReadDigest(), Load(), clock.GetTimestamp());
        }
        catch (Exception unusable) when (IsUnusable(unusable))
        {
            throw new ApiConfigurationException($"Api:Tls: {Named} cannot be used: {unusable.Message}");
        }
    }

    private string Named => _options.KeyFile is { } key ? $"{_options.CertificateFile} with the key {key}" : $"{_options.CertificateFile}";

    /// <exception cref="ApiConfigurationException">
    /// An https:// address has no certificate, or a certificate has no https:// address.
    /// </exception>
    public static void Check(ApiOptions options)
    {
        var https = options
            .Listen.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .FirstOrDefault(address => address.StartsWith("https://", StringComparison.OrdinalIgnoreCase));
        if (https is not null && options.Tls.CertificateFile is null)
            throw new ApiConfigurationException(
                $"Api:Listen {https}: name the certificate and its key with Api:Tls:CertificateFile and Api:Tls:KeyFile."
            );
        if (https is null && options.Tls is not { CertificateFile: null, KeyFile: null })
            throw new ApiConfigurationException(
                $"Api:Tls: no address of Api:Listen ({options.Listen}) begins with https://. Write https://*:8443, or leave Api:Tls out."
            );
    }

    /// <summary>Returns the current certificate with its intermediate authorities. Checks the files at most every ten seconds.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            lock (_lock)
            {
                if (_clock.GetElapsedTime(_lookedAt) >= Interval)
                    Refresh();
                return _current;
            }
        }
    }

    /// <summary>Uses the certificate for every https:// address.</summary>
    public void Use(KestrelServerOptions kestrel) =>
        kestrel.ConfigureHttpsDefaults(https =>
        {
            _log ??= kestrel.ApplicationServices.GetRequiredService<ILogger<ServerCertificate>>();
            https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
            https.ServerCertificateSelector = (_, _) => Current.TargetCertificate;
            https.OnAuthenticate = Show;
        });

    /// <summary>Sets the whole chain: the selector would send the leaf certificate alone.</summary>
    private void Show(Microsoft.AspNetCore.Connections.ConnectionContext connection, SslServerAuthenticationOptions tls)
    {
        tls.ServerCertificateSelectionCallback = null;
        tls.ServerCertificateContext = Current;
    }

    private void Refresh()
    {
        _lookedAt = _clock.GetTimestamp();
        try
        {
            var digest = ReadDigest();
            if (digest.AsSpan().SequenceEqual(_digest))
                return;
            _digest = digest; // also for unusable files, so that their error is logged once
            _current = Load();
            var loaded = _current.TargetCertificate;
            var until = loaded.NotAfter.ToUniversalTime();
            _log?.LogInformation("Loaded the certificate {Subject}, valid until {Until:u}", loaded.Subject, until);
        }
        catch (Exception unusable) when (IsUnusable(unusable))
        {
            _log?.LogError("Kept the current certificate; {Files} cannot be used: {Reason}", Named, unusable.Message);
        }
    }

    private byte[] ReadDigest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in new[] { _options.CertificateFile, _options.KeyFile })
            if (file is not null)
                hash.AppendData(SHA256.HashData(File.ReadAllBytes(file)));
        return hash.GetHashAndReset();
    }

    private SslStreamCertificateContext Load()
    {
        var leaf = X509Certificate2.CreateFromPemFile(_options.CertificateFile!, _options.KeyFile);
        var behind = new X509Certificate2Collection();
        behind.ImportFromPemFile(_options.CertificateFile!);
        behind.RemoveAt(0); // the leaf
        return SslStreamCertificateContext.Create(leaf, behind, offline: true); // online would query the certificate authority
    }

    private static bool IsUnusable(Exception e) =>
        e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;
}
