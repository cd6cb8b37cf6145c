using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>
/// Hosts that the operator allows. A name may point anywhere, and somewhere else at the next look, so the address is judged at the
/// moment of connecting; who follows redirects judges each like the first address.
/// </summary>
/// <param name="setting">Where the operator names them, for the refusal.</param>
/// <param name="lookUp">A name's addresses; by default as the system has them.</param>
/// <exception cref="OptionsException">A host or a network is not written as it must be.</exception>
internal sealed class GuardedHosts(
    IReadOnlyList<string> hosts,
    IReadOnlyList<string> networks,
    string setting,
    Func<string, CancellationToken, Task<IPAddress[]>>? lookUp = null
)
{
    private readonly AllowedHost[] _hosts = [.. hosts.Select(text => AllowedHost.Parse(text, setting))];

    private readonly IPNetwork[] _own =
    [
        .. networks.Select(text =>
            IPNetwork.TryParse(text, out var network)
                ? network
                : throw new OptionsException($"The network \"{text}\" is not written like 10.1.0.0/16.")
        ),
    ];

    /// <summary>Checks at the start how the operator has written hosts and networks.</summary>
    /// <exception cref="OptionsException">A host or a network is not written as it must be.</exception>
    public static void Check(IReadOnlyList<string> hosts, IReadOnlyList<string> networks, string setting) =>
        _ = new GuardedHosts(hosts, networks, setting);

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
            // A server's certificate may name addresses to fetch its issuer from: nobody allowed those.
            SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    DisableCertificateDownloads = true,
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        };

    /// <exception cref="ImageException">The host or its port is not allowed.</exception>
    public void Check(Uri uri)
    {
        if (!IsAllowed(uri))
            throw new ImageException(
                ReferenceFailure.NotAllowed,
                $"{uri.Scheme}://{uri.Authority} is not a host and port that may be called. "
                    + $"The operator names hosts with {setting}, and a port other than 80 and 443 behind the host."
            );
    }

    public bool IsAllowed(Uri uri) => uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0 && _hosts.Any(host => host.Allows(uri));

    /// <summary>The client wraps what the connect callback throws.</summary>
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
            .Where(address => PublicAddress.IsPublic(address) || _own.Any(network => network.Contains(address)))
            .ToArray();
        if (allowed.Length == 0)
            throw new ImageException(
                ReferenceFailure.NotAllowed,
                $"{context.DnsEndPoint.Host} has no address on the public internet ({string.Join(", ", addresses.AsEnumerable())})."
            );
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // The addresses, not the name: it is not looked up again
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
