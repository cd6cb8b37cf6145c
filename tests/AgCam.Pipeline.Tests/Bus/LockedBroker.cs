using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using AgCam.Pipeline.Bus;
using Xunit;

namespace AgCam.Pipeline.Tests.Bus;

/// <summary>
/// Virtual host of a real broker with one user per role. Each user has only the permissions of its role. Deleted at the end.
/// </summary>
internal sealed class LockedBroker : IAsyncDisposable
{
    private const string Password = "a secret of the test";

    private readonly HttpClient _http;
    private readonly Uri _amqp = new(Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ") ?? "amqp://none");
    private readonly string _name = $"test-{Guid.NewGuid():N}";
    private readonly List<string> _users = [];

    private LockedBroker(Uri management)
    {
        Management = new UriBuilder(management) { UserName = "", Password = "" }.Uri;
        _http = new HttpClient { BaseAddress = new Uri(Management, "api/") };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic",
            Convert.ToBase64String(Encoding.UTF8.GetBytes(management.UserInfo))
        );
    }

    public static bool IsThere =>
        Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ") is { Length: > 0 }
        && Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ_MANAGEMENT") is { Length: > 0 };

    public const string Skipped = "AGCAM_TEST_RABBITMQ and AGCAM_TEST_RABBITMQ_MANAGEMENT name no broker";

    public Uri Management { get; }

    public static async Task<LockedBroker> OpenAsync()
    {
        var broker = new LockedBroker(new Uri(Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ_MANAGEMENT")!));
        await broker.PutAsync($"vhosts/{broker._name}", new { });
        foreach (var role in new BusTopology(broker.Over(new PipelineOptions(), "none")).Roles)
            await broker.AddUserAsync(role.Name, role.Configure, role.Write, role.Read);
        return broker;
    }

    /// <summary>Returns the options with the broker address of this role's user.</summary>
    public PipelineOptions Over(PipelineOptions options, string role) =>
        options with
        {
            Bus = $"amqp://{UserOf(role)}:{Uri.EscapeDataString(Password)}@{_amqp.Authority.Split('@')[^1]}/{_name}",
            Prefix = "locked",
        };

    public async Task AddUserAsync(string role, string configure, string write, string read)
    {
        _users.Add(UserOf(role));
        await PutAsync($"users/{UserOf(role)}", new { password = Password, tags = "management" });
        await PutAsync(
            $"permissions/{_name}/{UserOf(role)}",
            new
            {
                configure,
                write,
                read,
            }
        );
    }

    public async Task ImportAsync(string definitions)
    {
        using var answer = await _http.PostAsync(
            "definitions",
            new StringContent(definitions, Encoding.UTF8, "application/json"),
            TestContext.Current.CancellationToken
        );
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public async Task DeleteAsync(string path)
    {
        using var answer = await _http.DeleteAsync(path.Replace("VHOST", _name), TestContext.Current.CancellationToken);
        answer.EnsureSuccessStatusCode();
    }

    public async Task PutAsync(string path, object body)
    {
        using var answer = await _http.PutAsJsonAsync(path.Replace("VHOST", _name), body, TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private string UserOf(string role) => $"{_name}-{role}";

    public async ValueTask DisposeAsync()
    {
        foreach (var user in _users)
            await DeleteAsync($"users/{user}");
        await DeleteAsync($"vhosts/{_name}");
        _http.Dispose();
    }
}
