using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using AgCam.Api.Security;
using Xunit;

namespace AgCam.Cli.Tests.Operating;

/// <summary>Tests that no configured secret appears in a log, a process list, an error or a response.</summary>
public class SecretsTests
{
    private const string Bus = "bus-5ecret-a1b2",
        Store = "store-5ecret-c3d4",
        Hub = "hf_5ecretE5F6",
        Cloud = "cloud-5ecret-g7h8",
        Hook = "hook-5ecret-i9j0-long-enough",
        Query = "signature-5ecret-k1l2";

    private static readonly string[] Secrets = [Bus, Store, Hub, Cloud, Hook, Query];

    private static readonly (string, string)[] Everything =
    [
        ("HF_TOKEN", Hub),
        ("AWS_ACCESS_KEY_ID", "AKIA-recognisable"),
        ("AWS_SECRET_ACCESS_KEY", Cloud),
        ("Pipeline__Webhooks__Secret", Hook),
        ("Pipeline__Webhooks__Hosts__0", "hooks.invalid"),
        ("Pipeline__StartSeconds", "3"),
        ("Logging__LogLevel__Default", "Trace"),
        ("Logging__LogLevel__AgCam", "Trace"),
        ("Telemetry__Logs", "Json"),
        ("AGCAM_DEBUG", "1"),
    ];

    /// <summary>Invalid addresses, each with a password.</summary>
    public static TheoryData<string, string, string> Broken =>
        new()
        {
            { "worker", $"amqp://agcam:{Bus}@127.0.0.1:9/", "STORE" }, // no server
            { "worker", $"amqp://agcam:{Bus}@127.0.0.1:notaport/", "STORE" },
            { "worker", $"ampq://agcam:{Bus}@127.0.0.1/", "STORE" },
            { "worker", $"amqp://agcam:{Bus}@nowhere.invalid/", "STORE" },
            { "api", $"amqp://agcam:{Bus}@127.0.0.1:9/", "STORE" },
            { "serve", "memory", $"mongodb://agcam:{Store}@127.0.0.1:9/?serverSelectionTimeoutMS=500" }, // no server
            { "serve", "memory", $"mongodb://agcam:{Store}@127.0.0.1:notaport/" },
            { "serve", "memory", $"mongodb://agcam:{Store}@a@b/" },
            { "serve", "memory", $"mongodb://agcam:{Store}@127.0.0.1/?nosuchoption=1&serverSelectionTimeoutMS=500" },
            { "worker", $"amqp://agcam:{Bus}@127.0.0.1:9/", $"mongodb://agcam:{Store}@127.0.0.1:9/?serverSelectionTimeoutMS=500" },
            { "worker", "BROKER", "STORE" }, // the wrong password
        };

    [Theory]
    [MemberData(nameof(Broken))]
    public void Error_about_a_bad_address_hides_its_password(string verb, string bus, string store)
    {
        using var state = new TemporaryFolder();
        if (bus == "BROKER")
        {
            if (Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ") is not { Length: > 0 } broker)
            {
                Assert.Skip("AGCAM_TEST_RABBITMQ names no broker");
                return;
            }
            bus = new UriBuilder(broker) { UserName = "agcam", Password = Bus }.Uri.ToString();
        }
        var outcome = AgcamProcess.Run(
            [verb, "--model", SomeImages.Model],
            "",
            [
                .. Everything,
                ("Pipeline__Bus", bus),
                ("Pipeline__Store", store == "STORE" ? state["agcam.db"] : store),
                ("Api__Listen", "http://127.0.0.1:0"),
            ]
        );
        Assert.Contains(outcome.Code, new[] { 2, 4 });
        Assert.NotEmpty(outcome.Errors);
        AssertNone(outcome.Output + outcome.Errors);
    }

    [Theory]
    [InlineData("--bus", $"amqp://agcam:{Bus}@127.0.0.1/")]
    [InlineData("--store", $"mongodb://agcam:{Store}@127.0.0.1/")]
    public void Password_on_the_command_line_is_refused_and_not_repeated(string option, string address)
    {
        var outcome = Agcam.Run("worker", "--model", SomeImages.Model, option, address);
        Assert.Equal(2, outcome.Code);
        Assert.Contains("Pipeline__", outcome.Errors, StringComparison.Ordinal); // names the right place
        AssertNone(outcome.Output + outcome.Errors);
    }

    [Fact]
    public async Task Running_service_hides_every_secret()
    {
        using var folder = SomeImages.Folder(2);
        using var state = new TemporaryFolder();
        var (key, entry) = ApiKey.Create("anna", Scope.Submit, Scope.Read);
        var (url, said) = ($"http://127.0.0.1:{ServingProcess.FreePort()}", new StringBuilder());
        using var serving = ServingProcess.Start(
            state["agcam.db"],
            folder.Path,
            ["--listen", url, "--metrics", $"http://127.0.0.1:{ServingProcess.FreePort()}"],
            [
                .. Everything,
                ("Api__Keys__0__Name", entry.Name),
                ("Api__Keys__0__Sha256", entry.Sha256),
                ("Api__Keys__0__Scopes__0", Scope.Submit),
                ("Api__Keys__0__Scopes__1", Scope.Read),
            ]
        );
        using var client = new HttpClient { BaseAddress = new Uri(url) };
        async Task SendAsync(string presented, string path, object? body = null)
        {
            using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, path)
            {
                Content = body is null ? null : JsonContent.Create(body),
            };
            request.Headers.Add("Authorization", $"Bearer {presented}");
            using var answer = await client.SendAsync(request, TestContext.Current.CancellationToken);
            said.AppendLine(
                $"{(int)answer.StatusCode} {answer.Headers} {await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)}"
            );
        }

        await SendAsync(key, "/v1/models");
        await SendAsync(key[..^4] + "xxxx", "/v1/models");
        await SendAsync(key, "/v1/explanations?wait=30", new { uri = folder["000.png"] });
        await SendAsync(key, "/v1/explanations?wait=30", new { uri = $"http://user:{Query}@images.invalid/a.png" });
        await SendAsync(key, "/v1/jobs", new { source = $"folder:{folder.Path}", webhook = $"http://elsewhere.invalid/?token={Query}" });
        await SendAsync(key, "/v1/jobs", new { source = "folder:/etc" });
        await SendAsync(key, "/v1/explanations", new { uri = 7 });
        var listed = Processes();
        Assert.Contains($"serve --model", listed, StringComparison.Ordinal);
        AssertNone(listed, key);
        Assert.Equal(0, serving.Stop());
        var log = serving.Output;
        Assert.Contains("\"Category\"", log, StringComparison.Ordinal); // JSON at every level
        AssertNone(log, key);
        // A record contains the caller's request, but no setting of the operator.
        Assert.DoesNotContain(Secrets.Except([Query]).Append(key), secret => said.ToString().Contains(secret, StringComparison.Ordinal));
    }

    [Fact]
    public void Error_about_an_unreachable_hub_hides_the_token()
    {
        using var state = new TemporaryFolder();
        var outcome = AgcamProcess.Run(
            ["models", "pull", "timm/nothing"],
            "",
            [.. Everything, ("HF_ENDPOINT", "http://127.0.0.1:9"), ("HF_HOME", state.Path)]
        );
        Assert.NotEqual(0, outcome.Code);
        AssertNone(outcome.Output + outcome.Errors);
    }

    private static void AssertNone(string text, params string[] more)
    {
        foreach (var secret in Secrets.Concat(more))
        {
            Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes($"agcam:{secret}")), text, StringComparison.Ordinal);
        }
    }

    /// <summary>Lists the arguments of every process, which every user of the machine can read.</summary>
    private static string Processes()
    {
        var all = new StringBuilder();
        foreach (var process in Process.GetProcesses())
            try
            {
                var line = File.ReadAllText($"/proc/{process.Id}/cmdline").Replace('\0', ' ');
                if (line.Contains("AgCam.Cli", StringComparison.Ordinal))
                    all.AppendLine(line);
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It has ended.
            }
        return all.ToString();
    }
}
