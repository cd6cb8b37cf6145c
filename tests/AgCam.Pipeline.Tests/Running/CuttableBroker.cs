using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace AgCam.Pipeline.Tests.Running;

/// <summary>A way to a broker that can be cut: every connection through it ends at once, and may be opened anew.</summary>
internal sealed class CuttableBroker : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, byte> _open = new();
    private readonly Uri _broker;
    private readonly Task _accepting;

    public CuttableBroker(string broker)
    {
        _broker = new Uri(broker);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Uri => new UriBuilder(_broker) { Host = "127.0.0.1", Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.Uri.ToString();

    public void Cut()
    {
        foreach (var client in _open.Keys)
            client.Close();
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        Cut();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = CarryAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            _open[client] = _open[server] = 0;
            try
            {
                await server.ConnectAsync(_broker.Host, _broker.IsDefaultPort ? 5672 : _broker.Port);
                await Task.WhenAny(client.GetStream().CopyToAsync(server.GetStream()), server.GetStream().CopyToAsync(client.GetStream()));
            }
            catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or InvalidOperationException)
            {
            }
            _open.TryRemove(client, out _);
            _open.TryRemove(server, out _);
        }
    }
}
