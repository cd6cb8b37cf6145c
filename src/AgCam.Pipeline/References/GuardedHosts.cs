using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>
/// Allows connections to the operator's hosts only. A DNS name may change at any time, so its address is checked on connecting. Callers
/// that follow redirects check each one.
/// </summary>
/// <param name="setting">Setting that names the hosts, for error messages.</param>
/// <param name="lookUp">Resolves a name to addresses. Default: the system's DNS.</param>
/// <exception cref="OptionsException">A host or a network is malformed.</exception>
internal sealed class GuardedHosts(
    IReadOnlyList<string> hosts,
    IReadOnlyList<string> networks,
    string setting,
    Func<string, CancellationToken, Task<IPAddress[]>>? lookUp = null
)
{
    private readonly AllowedHost[] _hosts = [.. hosts.Select(text => AllowedHost.Parse(text, setting))];

    private readonly IPNetwork[] _networks =
    [
        .. networks.Select(text =>
            IPNetwork.TryParse(text, out var network)
                ? network
                : throw new OptionsException($"The network \"{text}\" is malformed. Write it like 10.1.0.0/16.")
        ),
    ];

    /// <summary>Validates the operator's hosts and networks at start.</summary>
    /// <exception cref="OptionsException">A host or a network is malformed.</exception>
    public static void Check(IReadOnlyList<string> hosts, IReadOnlyList<string> networks, string setting) =>
        _ = new GuardedHosts(hosts, networks, setting);

    /// <summary>Returns a handler that connects to checked addresses only and follows no redirects.</summary>
    public SocketsHttpHandler Handler() =>
        new()
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectCallback = ConnectAsync,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            ConnectTimeout = TimeSpan.FromSeconds(10),
            MaxResponseHeadersLength = 32,
            // A certificate may name addresses to fetch its issuer from. Those hosts are not allowed.
            SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    DisableCertificateDownloads = true,
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        };

    /// <summary>Throws when an address is not allowed.</summary>
    /// <exception cref="ImageException">The host or its port is not allowed.</exception>
    public void Check(Uri uri)
    {
        if (!IsAllowed(uri))
            throw new ImageException(
                ReferenceFailure.NotAllowed,
                $"{uri.Scheme}://{uri.Authority} is not an allowed host and port. "
                    + $"The operator allows hosts with {setting}. A port other than 80 and 443 stands after the host."
            );
    }

    public bool IsAllowed(Uri uri) => uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0 && _hosts.Any(host => host.Allows(uri));

    /// <summary>
    /// Returns the refusal inside an exception, because the client wraps what the connect callback throws. Null when there is none.
    /// </summary>
    public static ImageException? Refused(Exception? e) =>
        e switch
        {
            ImageException image => image,
            null => null,
            _ => Refused(e.InnerException),
        };

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var addresses = await (lookUp ?? Dns.GetHostAddressesAsync)(context.DnsEndPoint.Host, cancellationToken);
        var allowed = addresses
            .Where(address => PublicAddress.IsPublic(address) || _networks.Any(network => network.Contains(address)))
            .ToArray();
        if (allowed.Length == 0)
            throw new ImageException(
                ReferenceFailure.NotAllowed,
                $"{context.DnsEndPoint.Host} has no address on the public internet ({string.Join(", ", addresses.AsEnumerable())})."
            );
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // Connects to the checked addresses, so that the name is not resolved again.
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
