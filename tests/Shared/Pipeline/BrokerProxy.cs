using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace AgCam.Testing;

/// <summary>TCP proxy to the broker. Cutting it makes the broker unreachable for one client while others use it.</summary>
internal sealed class BrokerProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, byte> _open = new();
    private readonly Uri _broker;
    private readonly Task _accepting;
    private volatile bool _isCut;

    public BrokerProxy(string broker)
    {
        _broker = new Uri(broker);
        _listener.Start();
        Uri = new UriBuilder(_broker) { Host = "127.0.0.1", Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.Uri.ToString();
        _accepting = AcceptAsync();
    }

    public string Uri { get; }

    /// <summary>Closes all connections and refuses new ones.</summary>
    public void Cut()
    {
        _isCut = true;
        foreach (var client in _open.Keys)
            client.Close();
    }

    public void Mend() => _isCut = false;

    public async ValueTask DisposeAsync()
    {
        Cut();
        _listener.Stop();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                if (_isCut)
                    client.Close();
                else
                    _ = CarryAsync(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException) { }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using var server = new TcpClient();
        try
        {
            await server.ConnectAsync(_broker.Host, _broker.Port);
            _open[client] = 0;
            _open[server] = 0;
            if (_isCut)
                return;
            await Task.WhenAny(client.GetStream().CopyToAsync(server.GetStream()), server.GetStream().CopyToAsync(client.GetStream()));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException) { }
        finally
        {
            client.Close();
            server.Close();
            _open.TryRemove(client, out _);
            _open.TryRemove(server, out _);
        }
    }
}
