using System.Text.Json.Nodes;
using AgCam.Pipeline;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Webhooks;

namespace AgCam.Api.Tests.Webhooks;

/// <summary>Tests the webhook that reports a job's completion: signature, retries and allowed hosts.</summary>
public sealed class WebhookTests
{
    private const string Secret = "a secret of the operator's";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Signed_webhook_is_retried_until_the_receiver_accepts_it()
    {
        await using var receiver = await Receiver.StartAsync(n => n < 2 ? 500 : 204);
        await using var api = await RunningApi.StartAsync(pipeline: options => options with { Webhooks = AllowedOf(receiver) });
        var job = await SubmitAsync(api, receiver.Url);
        var calls = await receiver.WaitAsync(3);
        await NotifiedAsync(api);

        Assert.All(calls, call => Assert.Equal((job, "application/cloudevents+json"), (call.Id, call.MediaType)));
        Assert.All(calls, call => Assert.Equal(calls[0].Body, call.Body)); // every try sends the same event
        Assert.All(
            calls,
            call => Assert.Equal(JobEvent.Signature(Secret, Guid.Parse(call.Id), long.Parse(call.Timestamp), call.Body), call.Signature)
        );
        Assert.NotEqual(JobEvent.Signature("another", Guid.Parse(job), long.Parse(calls[0].Timestamp), calls[0].Body), calls[0].Signature);
        var json = JsonNode.Parse(calls[0].Body)!;
        Assert.Equal(("1.0", JobEvent.Type, job), ((string?)json["specversion"], (string?)json["type"], (string?)json["id"]));
        Assert.Equal(
            ("Completed", 3, 3, 0),
            (
                (string?)json["data"]!["state"],
                (int)json["data"]!["images"]!,
                (int)json["data"]!["completed"]!,
                (int)json["data"]!["failed"]!
            )
        );
        Assert.Equal(3, receiver.Calls.Count);
    }

    [Fact]
    public async Task Webhook_of_an_audit_says_whether_its_gates_passed()
    {
        await using var receiver = await Receiver.StartAsync(_ => 204);
        await using var api = await RunningApi.StartAsync(pipeline: options => options with { Webhooks = AllowedOf(receiver) });
        for (var i = 0; i < 2; i++)
            File.WriteAllBytes(Path.Combine(api.Folder, $"{i}.png"), RunningApi.Picture(7));
        var body = new JsonObject
        {
            ["source"] = $"folder:{api.Folder}",
            ["webhook"] = receiver.Url,
            ["audit"] = new JsonObject { ["failOn"] = "exact-duplicate:1,aspect:0" },
        };
        await RunningApi.JsonAsync(await api.SendJsonAsync("/v1/jobs", body), 201);

        var audit = JsonNode.Parse((await receiver.WaitAsync(1))[0].Body)!["data"]!["audit"]!;
        Assert.False((bool)audit["passed"]!);
        Assert.Equal([true, false], audit["gates"]!.AsArray().Select(gate => (bool)gate!["violated"]!));
        Assert.Equal(2, (int)audit["counts"]!["exact-duplicate"]!);
    }

    [Fact]
    public void Signature_is_the_hmac_of_id_time_and_body()
    {
        var id = Guid.Parse("00000000-0000-0000-0000-000000000001");
        var expected = Convert.ToBase64String(
            System.Security.Cryptography.HMACSHA256.HashData("key"u8, "00000000-0000-0000-0000-000000000001.1614265330.{}"u8)
        );
        Assert.Equal($"v1,{expected}", JobEvent.Signature("key", id, 1614265330, "{}"u8));
    }

    [Fact]
    public async Task Pending_webhook_is_sent_after_a_restart()
    {
        using var folder = new Folder();
        var store = Path.Combine(folder.Path, "kept.db");
        var answer = 503;
        await using var receiver = await Receiver.StartAsync(_ => answer);
        string job;
        PipelineOptions Kept(PipelineOptions options) => options with { Webhooks = AllowedOf(receiver), Store = store };
        await using (var first = await RunningApi.StartAsync(pipeline: Kept))
        {
            job = await SubmitAsync(first, receiver.Url);
            await receiver.WaitAsync(1);
        }
        answer = 200;
        await using var second = await RunningApi.StartAsync(pipeline: Kept);
        await NotifiedAsync(second);
        Assert.Equal(job, receiver.Calls[^1].Id);
    }

    [Fact]
    public async Task Webhook_host_in_a_private_network_is_not_called()
    {
        await using var receiver = await Receiver.StartAsync(_ => 200);
        var webhooks = AllowedOf(receiver) with { Networks = [] };
        await using var api = await RunningApi.StartAsync(pipeline: options => options with { Webhooks = webhooks });
        await SubmitAsync(api, receiver.Url);
        await NotifiedAsync(api); // no more tries
        Assert.Empty(receiver.Calls);
    }

    [Fact]
    public async Task Redirect_is_not_followed()
    {
        await using var receiver = await Receiver.StartAsync(n => n == 0 ? 302 : 200);
        await using var api = await RunningApi.StartAsync(pipeline: options => options with { Webhooks = AllowedOf(receiver) });
        var job = await SubmitAsync(api, receiver.Url);
        await NotifiedAsync(api);
        // The second call is the retry. A GET of the redirect's target would have no id.
        Assert.Equal([job, job], receiver.Calls.Select(call => call.Id));
    }

    [Theory]
    [InlineData("http://elsewhere.example/completed")]
    [InlineData("http://user:password@localhost/completed")]
    [InlineData("file:///etc/passwd")]
    [InlineData("/completed")]
    public async Task Job_with_a_webhook_on_a_host_that_is_not_allowed_is_refused(string url)
    {
        await using var api = await RunningApi.StartAsync(worker: false, pipeline: options => options with { Webhooks = Allowed });
        var refused = await RunningApi.RefusedAsync(
            await api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"folder:{api.Folder}", ["webhook"] = url }),
            400,
            "invalid-request"
        );
        Assert.Contains("webhook", refused["errors"]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Configured_webhook_is_called_for_a_job_that_names_none()
    {
        await using var receiver = await Receiver.StartAsync(_ => 200);
        await using var api = await RunningApi.StartAsync(pipeline: options =>
            options with
            {
                Webhooks = Allowed with { Hosts = [], Url = receiver.Url },
            }
        );
        var job = await SubmitAsync(api, null);
        Assert.Equal(job, (await receiver.WaitAsync(1))[0].Id);
    }

    [Fact]
    public void Webhooks_without_a_secret_are_refused_at_start() =>
        Assert.Contains(
            "Pipeline:Webhooks:Secret",
            Assert
                .Throws<OptionsException>(() => OptionsException.ThrowIfInvalid(Allowed with { Secret = null }, "Pipeline:Webhooks"))
                .Message,
            StringComparison.Ordinal
        );

    [Fact]
    public async Task Job_with_a_webhook_on_another_port_of_an_allowed_host_is_refused()
    {
        await using var api = await RunningApi.StartAsync(worker: false, pipeline: options => options with { Webhooks = Allowed });
        var body = new JsonObject { ["source"] = $"folder:{api.Folder}", ["webhook"] = "http://localhost:6379/completed" };
        await RunningApi.RefusedAsync(await api.SendJsonAsync("/v1/jobs", body), 400, "invalid-request");
    }

    [Theory]
    [InlineData("hooks.example.org/completed")]
    [InlineData("http://hooks.example.org")]
    [InlineData("hooks.example.org:0")]
    [InlineData("hooks.example.org:99999")]
    [InlineData("")]
    public async Task Malformed_webhook_host_stops_the_start(string host)
    {
        var webhooks = Allowed with { Hosts = [host] };
        var wrong = await Assert.ThrowsAsync<OptionsException>(() =>
            RunningApi.StartAsync(worker: false, pipeline: options => options with { Webhooks = webhooks })
        );
        Assert.StartsWith("Pipeline:Webhooks:Hosts: ", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Secret_is_read_from_a_file()
    {
        using var folder = new Folder();
        var file = Path.Combine(folder.Path, "secret");
        await File.WriteAllTextAsync(file, Secret + "\n", Cancel);
        await using var receiver = await Receiver.StartAsync(_ => 200);
        var webhooks = AllowedOf(receiver) with { Secret = null, SecretFile = file };
        await using var api = await RunningApi.StartAsync(pipeline: options => options with { Webhooks = webhooks });
        await SubmitAsync(api, receiver.Url);
        var call = (await receiver.WaitAsync(1))[0];
        Assert.Equal(JobEvent.Signature(Secret, Guid.Parse(call.Id), long.Parse(call.Timestamp), call.Body), call.Signature);
    }

    [Fact]
    public async Task Missing_secret_file_stops_the_start_and_is_named()
    {
        var webhooks = Allowed with { Secret = null, SecretFile = "/nowhere/secret" };
        var wrong = await Assert.ThrowsAsync<OptionsException>(() =>
            RunningApi.StartAsync(worker: false, pipeline: options => options with { Webhooks = webhooks })
        );
        Assert.Contains("Pipeline:Webhooks:SecretFile: /nowhere/secret", wrong.Message, StringComparison.Ordinal);
    }

    private static WebhookOptions AllowedOf(Receiver receiver) => Allowed with { Hosts = [$"localhost:{new Uri(receiver.Url).Port}"] };

    private static WebhookOptions Allowed =>
        new()
        {
            Hosts = ["localhost"],
            Networks = ["127.0.0.0/8", "::1/128"],
            Secret = Secret,
        };

    private static async Task<string> SubmitAsync(RunningApi api, string? webhook)
    {
        for (var i = 0; i < 3; i++)
            api.AddPicture(i);
        var body = new JsonObject { ["source"] = $"folder:{api.Folder}" };
        if (webhook is not null)
            body["webhook"] = webhook;
        return (string)(await RunningApi.JsonAsync(await api.SendJsonAsync("/v1/jobs", body), 201))["id"]!;
    }

    /// <summary>Waits until the store has no pending notification.</summary>
    private static Task NotifiedAsync(RunningApi api) =>
        Eventually.TrueAsync(async () =>
        {
            var jobs = (await api.Store.Jobs.PageAsync(new Pipeline.Stores.JobQuery(), Cancel)).Jobs;
            return jobs.Count > 0
                && jobs.All(job => job.State == JobState.Completed)
                && (await api.Store.Jobs.PendingNotificationsAsync(cancellationToken: Cancel)).Count == 0;
        });

    private sealed class Folder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("agcam-webhooks-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
