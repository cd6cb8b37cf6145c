using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace AgCam.Cli.Tests;

/// <summary>Serves the part of RabbitMQ's management API that `agcam topology verify` requests, for imported definitions.</summary>
internal sealed class SomeManagementApi : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly JsonNode _definitions;

    public SomeManagementApi(string definitions)
    {
        _definitions = JsonNode.Parse(definitions)!;
        using (var free = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Url = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}";
        }
        _listener.Prefixes.Add($"{Url}/");
        _listener.Start();
        _ = ServeAsync();
    }

    public string Url { get; }

    public void Unbind(string queue)
    {
        var bindings = _definitions["bindings"]!.AsArray();
        bindings.Remove(bindings.Single(binding => (string)binding!["destination"]! == queue));
    }

    public void Dispose() => ((IDisposable)_listener).Dispose();

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                var body = Answer(context.Request.RawUrl!.Split('/', StringSplitOptions.RemoveEmptyEntries));
                context.Response.StatusCode = body is null ? 404 : 200;
                context.Response.ContentType = "application/json";
                await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(body?.ToJsonString() ?? "{}"));
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private JsonNode? Answer(string[] path) =>
        path switch
        {
            ["api", "bindings", _, "e", var source, "q", var queue] => Bindings(source, queue),
            ["api", var kind and ("exchanges" or "queues"), _, var name] => Found(kind)
                .FirstOrDefault(thing => (string)thing["name"]! == name),
            _ => null,
        };

    private JsonArray Bindings(string source, string queue)
    {
        var between = Found("bindings").Where(binding => (string)binding["source"]! == source && (string)binding["destination"]! == queue);
        return new JsonArray([.. between.Select(binding => binding.DeepClone())]);
    }

    private IEnumerable<JsonNode> Found(string kind) => _definitions[kind]!.AsArray().Select(thing => thing!);
}
