using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Ends TLS in front of a server that speaks none, and lets nobody in without a certificate of the authority given.</summary>
internal sealed class TlsFront : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, byte> _open = new();
    private readonly ConcurrentQueue<string> _clients = new();
    private readonly DnsEndPoint _server;
    private readonly X509Certificate2 _certificate,
        _authority;
    private readonly Task _accepting;
    private volatile bool _loggedIn;

    /// <param name="server">Where what is decrypted goes.</param>
    /// <param name="certificate">The server's, with its key.</param>
    /// <param name="authority">Of the clients.</param>
    public TlsFront(DnsEndPoint server, X509Certificate2 certificate, X509Certificate2 authority)
    {
        (_server, _certificate, _authority) = (server, certificate, authority);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The subjects of the certificates that were let in.</summary>
    public IEnumerable<string> Clients => _clients;

    /// <summary>Whether a client asked to be logged in by its certificate.</summary>
    public bool LoggedIn => _loggedIn;

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        foreach (var client in _open.Keys)
            client.Close();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = CarryAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException) { }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using var server = new TcpClient();
        _open[client] = _open[server] = 0;
        try
        {
            using var closing = client;
            await using var inside = new SslStream(client.GetStream());
            await inside.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificate = _certificate,
                    ClientCertificateRequired = true,
                    RemoteCertificateValidationCallback = (_, shown, _, _) => shown is X509Certificate2 certificate && IsOurs(certificate),
                }
            );
            _clients.Enqueue(inside.RemoteCertificate!.Subject);
            await server.ConnectAsync(_server.Host, _server.Port);
            await Task.WhenAny(PumpAsync(inside, server.GetStream(), Hear), PumpAsync(server.GetStream(), inside, _ => { }));
        }
        catch (Exception e)
            when (e is IOException or SocketException or AuthenticationException or ObjectDisposedException or InvalidOperationException)
        { }
        finally
        {
            _open.TryRemove(client, out _);
            _open.TryRemove(server, out _);
        }
    }

    private bool IsOurs(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }

    /// <summary>The command stands in one piece at the beginning of a message.</summary>
    private void Hear(ReadOnlySpan<byte> sent) =>
        _loggedIn |= sent.IndexOf("MONGODB-X509"u8) >= 0 && sent.IndexOf(Encoding.ASCII.GetBytes("$external")) >= 0;

    private static async Task PumpAsync(Stream from, Stream to, ReadOnlySpanAction hear)
    {
        var buffer = new byte[64 * 1024];
        for (int read; (read = await from.ReadAsync(buffer)) > 0; )
        {
            hear(buffer.AsSpan(0, read));
            await to.WriteAsync(buffer.AsMemory(0, read));
        }
    }

    private delegate void ReadOnlySpanAction(ReadOnlySpan<byte> bytes);
}
