using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace AgCam.Pipeline.Bus;

/// <summary>Reads arguments and bindings from RabbitMQ's management API; AMQP does not show them.</summary>
internal sealed class ManagementApi : IDisposable
{
    private readonly HttpClient _http;
    private readonly string _host;
    private readonly string _user;

    public ManagementApi(Uri address, BrokerAddress broker)
    {
        _host = Uri.EscapeDataString(broker.VirtualHost);
        var (user, password) = address.UserInfo.Split(':', 2) is [var name, var secret]
            ? (Uri.UnescapeDataString(name), Uri.UnescapeDataString(secret))
            : (broker.User, broker.Password);
        _user = user;
        _http = new HttpClient
        {
            BaseAddress = new Uri($"{address.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped)}/api/"),
            Timeout = TimeSpan.FromSeconds(30),
        };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic",
            Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))
        );
    }

    /// <returns>One sentence for each difference.</returns>
    public async Task<IReadOnlyList<string>> DifferencesAsync(BusPlan plan, CancellationToken cancellationToken)
    {
        var differences = new List<string>();
        foreach (var exchange in plan.Exchanges)
            differences.AddRange(await ExchangeAsync(exchange, cancellationToken));
        foreach (var queue in plan.Queues)
            differences.AddRange(await QueueAsync(queue, cancellationToken));
        return differences;
    }

    private async Task<IEnumerable<string>> ExchangeAsync(string name, CancellationToken cancellationToken)
    {
        if (await GetAsync($"exchanges/{_host}/{name}", cancellationToken) is not { } found)
            return [$"Exchange {name} is missing."];
        var differences = new List<string>();
        if (found.GetProperty("type").GetString() is not "fanout" and var type)
            differences.Add($"Exchange {name} is of type {type}, not fanout.");
        if (!found.GetProperty("durable").GetBoolean())
            differences.Add($"Exchange {name} is not durable.");
        return differences;
    }

    private async Task<IEnumerable<string>> QueueAsync(PlannedQueue queue, CancellationToken cancellationToken)
    {
        if (await GetAsync($"queues/{_host}/{queue.Name}", cancellationToken) is not { } found)
            return [$"Queue {queue.Name} is missing."];
        var differences = new List<string>();
        var arguments = found.GetProperty("arguments");
        foreach (var (name, wanted) in queue.Arguments)
            if (!arguments.TryGetProperty(name, out var has))
                differences.Add($"Queue {queue.Name} has no {name}; expected {wanted}.");
            else if (has.ToString() != wanted.ToString())
                differences.Add($"Queue {queue.Name} has {name} {has}, not {wanted}.");
        foreach (var has in arguments.EnumerateObject().Where(has => !queue.Arguments.ContainsKey(has.Name)))
            differences.Add($"Queue {queue.Name} has {has.Name} {has.Value}; expected none.");
        if (
            await GetAsync($"bindings/{_host}/e/{queue.Name}/q/{queue.Name}", cancellationToken) is not { } bindings
            || bindings.GetArrayLength() == 0
        )
            differences.Add($"Exchange {queue.Name} is not bound to queue {queue.Name}.");
        return differences;
    }

    private async Task<JsonElement?> GetAsync(string path, CancellationToken cancellationToken)
    {
        using var answer = await _http.GetAsync(path, cancellationToken);
        if (answer.StatusCode == HttpStatusCode.NotFound)
            return null;
        if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            throw new BusException(
                $"The management API at {_http.BaseAddress!.Authority} refuses {_user}: give the user the tag monitoring or "
                    + $"management, and permissions in the virtual host."
            );
        answer.EnsureSuccessStatusCode();
        return await answer.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
    }

    public void Dispose() => _http.Dispose();
}
