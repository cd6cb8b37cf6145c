using System.Security.Cryptography.X509Certificates;
using MassTransit;
using RabbitMQ.Client;

namespace AgCam.Pipeline.Bus;

/// <summary>Address, virtual host, credentials and TLS of the broker, for every connection of a process.</summary>
internal sealed class BrokerAddress
{
    private readonly TlsOptions _tls;

    private BrokerAddress(Uri uri, TlsOptions tls) => (Uri, _tls) = (uri, tls);

    /// <summary>Address with the password. Never log it.</summary>
    public Uri Uri { get; }

    public string VirtualHost => Uri.AbsolutePath.Trim('/') is { Length: > 0 } name ? System.Uri.UnescapeDataString(name) : "/";

    public string User => System.Uri.UnescapeDataString(Uri.UserInfo.Split(':')[0]) is { Length: > 0 } name ? name : "guest";

    public string Password => Uri.UserInfo.Split(':', 2) is [_, var password] ? System.Uri.UnescapeDataString(password) : "guest";

    private bool IsTls => Uri.Scheme == "amqps";

    private string ServerName => _tls.ServerName ?? Uri.Host;

    /// <exception cref="OptionsException">The address is not a broker's, or TLS options are given for amqp://.</exception>
    public static BrokerAddress Of(PipelineOptions options)
    {
        // An address that does not parse may still hold a password, so the error does not repeat it.
        if (
            !System.Uri.TryCreate(options.Bus, UriKind.Absolute, out var uri)
            || uri.Scheme is not ("amqp" or "amqps")
            || uri.Host.Length == 0
        )
            throw new OptionsException(
                "Pipeline:Bus is not valid: write \"memory\" or amqp://user:password@host:port/vhost (amqps:// for TLS)."
            );
        return options.BusTls.IsGiven && uri.Scheme == "amqp"
            ? throw new OptionsException(
                $"Pipeline:BusTls is set, but the address of the broker {uri.Host} begins with amqp://. Use "
                    + $"amqps://, or remove Pipeline:BusTls."
            )
            : new BrokerAddress(uri, options.BusTls);
    }

    public ConnectionFactory Factory(bool recovers = false)
    {
        var factory = new ConnectionFactory
        {
            Uri = Uri,
            VirtualHost = VirtualHost,
            RequestedConnectionTimeout = TimeSpan.FromSeconds(10),
            RequestedHeartbeat = TimeSpan.FromSeconds(10),
            AutomaticRecoveryEnabled = recovers,
        };
        if (IsTls)
            factory.Ssl = new SslOption(ServerName, enabled: true)
            {
                Certs = _tls.ClientCertificate() is { } certificate ? new X509CertificateCollection { certificate } : null,
                CertificateValidationCallback = _tls.Validation(),
            };
        return factory;
    }

    public void Configure(IRabbitMqBusFactoryConfigurator bus) =>
        bus.Host(
            Uri,
            host =>
            {
                host.PublisherConfirmation = true;
                host.Heartbeat(TimeSpan.FromSeconds(10));
                host.RequestedConnectionTimeout(TimeSpan.FromSeconds(10));
                if (IsTls)
                    host.UseSsl(ssl =>
                    {
                        ssl.ServerName = ServerName;
                        ssl.Protocol = System.Security.Authentication.SslProtocols.None; // the system chooses the version
                        ssl.Certificate = _tls.ClientCertificate();
                        if (_tls.Validation() is { } validation)
                            ssl.CertificateValidationCallback = validation;
                    });
            }
        );

    /// <summary>Returns the address without the password.</summary>
    public override string ToString() => $"{Uri.Scheme}://{User}@{Uri.Authority}/{Uri.EscapeDataString(VirtualHost)}";
}
