using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Terminates TLS in front of a server without TLS. Clients need a certificate of the given authority.</summary>
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

    /// <param name="server">Server that receives the decrypted bytes.</param>
    /// <param name="certificate">Certificate of this server, with its key.</param>
    /// <param name="authority">Authority of the clients' certificates.</param>
    public TlsFront(DnsEndPoint server, X509Certificate2 certificate, X509Certificate2 authority)
    {
        (_server, _certificate, _authority) = (server, certificate, authority);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Subjects of the accepted client certificates.</summary>
    public IEnumerable<string> Clients => _clients;

    /// <summary>Whether a client has sent a login by certificate.</summary>
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
                _ = ForwardAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException) { }
    }

    private async Task ForwardAsync(TcpClient client)
    {
        using var server = new TcpClient();
        _open[client] = _open[server] = 0;
        try
        {
            using var closing = client;
            await using var tls = new SslStream(client.GetStream());
            await tls.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificate = _certificate,
                    ClientCertificateRequired = true,
                    RemoteCertificateValidationCallback = (_, presented, _, _) =>
                        presented is X509Certificate2 certificate && IsOurs(certificate),
                }
            );
            _clients.Enqueue(tls.RemoteCertificate!.Subject);
            await server.ConnectAsync(_server.Host, _server.Port);
            await Task.WhenAny(PumpAsync(tls, server.GetStream(), FindLogin), PumpAsync(server.GetStream(), tls, _ => { }));
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

    /// <summary>Finds the login command, which lies in one piece at the beginning of a message.</summary>
    private void FindLogin(ReadOnlySpan<byte> sent) =>
        _loggedIn |= sent.IndexOf("MONGODB-X509"u8) >= 0 && sent.IndexOf(Encoding.ASCII.GetBytes("$external")) >= 0;

    private static async Task PumpAsync(Stream from, Stream to, ReadOnlySpanAction observe)
    {
        var buffer = new byte[64 * 1024];
        for (int read; (read = await from.ReadAsync(buffer)) > 0; )
        {
            observe(buffer.AsSpan(0, read));
            await to.WriteAsync(buffer.AsMemory(0, read));
        }
    }

    private delegate void ReadOnlySpanAction(ReadOnlySpan<byte> bytes);
}
