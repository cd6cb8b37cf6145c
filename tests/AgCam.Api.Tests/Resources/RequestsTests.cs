using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Api.Tests.Resources;

public class RequestsTests(SharedApi shared) : IClassFixture<SharedApi>
{
    private RunningApi Api => shared.Api;

    [Fact]
    public async Task Request_that_waits_returns_the_result()
    {
        var result = await Api.ExplainAsync(RunningApi.Picture(1), ("label", "blue"), ("threshold", "0.4"));
        Assert.Equal("Completed", (string?)result["state"]);
        Assert.Equal("blue", (string?)result["item"]!["predicted"]);
        Assert.True((bool)result["item"]!["correct"]!);
        var box = result["item"]!["boxes"]![0]!;
        Assert.InRange((double)box["x"]!, 49, 52);
        Assert.InRange((double)box["width"]!, 50, 70);
        Assert.Equal((string?)result["item"]!["explanation"], (string?)result["explanation"]!["id"]);
    }

    [Fact]
    public async Task Request_that_does_not_wait_returns_the_address_of_its_result()
    {
        var answer = await Api.SendImageAsync(RunningApi.Picture(2), query: "");
        var accepted = await RunningApi.JsonAsync(answer, 202);
        Assert.Equal($"/v1/requests/{(string)accepted["id"]!}", answer.Headers.Location!.ToString());
        var result = await Api.GetAsync($"{answer.Headers.Location}?wait=30");
        Assert.Equal("Completed", (string?)result["state"]);
        Assert.Equal((string?)accepted["id"], (string?)result["id"]);
    }

    [Fact]
    public async Task Unresponsive_broker_does_not_block_an_accepted_request()
    {
        var bus = new HangingBus();
        await using var api = await RunningApi.StartAsync(
            worker: false,
            configure: builder => builder.Services.AddSingleton<IExplainBus>(bus),
            pipeline: options => options with { VisibilityTimeoutSeconds = 1 }
        );
        var accepted = await RunningApi.JsonAsync(await api.SendImageAsync(RunningApi.Picture(2), query: ""), 202);
        var owner = Guid.Parse((string)accepted["id"]!);
        Assert.NotNull((await api.Store.Chunks.FindAsync(owner, 0, TestContext.Current.CancellationToken))!.Request);
        await bus.Again.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken); // published again by the sweeper
    }

    private sealed class HangingBus : IExplainBus
    {
        private int _published;

        public TaskCompletionSource Again { get; } = new();

        public Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default)
        {
            if (Interlocked.Increment(ref _published) == 2)
                Again.SetResult();
            return Task.Delay(Timeout.Infinite, cancellationToken);
        }

        public Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default) => Task.CompletedTask;
    }

    [Fact]
    public async Task Image_is_explained_once_however_it_is_sent()
    {
        var (sent, path) = (await Api.ExplainAsync(RunningApi.Picture(3)), Api.AddPicture(3));
        var read = await RunningApi.JsonAsync(
            await Api.SendJsonAsync("/v1/explanations?wait=30", new JsonObject { ["uri"] = path, ["model"] = "corner" }),
            200
        );
        Assert.Equal((string?)sent["item"]!["explanation"], (string?)read["item"]!["explanation"]);
        Assert.NotEqual((string?)sent["id"], (string?)read["id"]);
        var places = await Api.GetAsync($"/v1/items?explanation={(string?)sent["item"]!["explanation"]}");
        Assert.Equal(2, places["items"]!.AsArray().Count);
    }

    [Fact]
    public async Task Upload_can_be_explained_later()
    {
        var content = new ByteArrayContent(RunningApi.Picture(4)) { Headers = { ContentType = new MediaTypeHeaderValue("image/png") } };
        var answer = await Api.SendAsync(HttpMethod.Post, "/v1/uploads", content);
        var upload = await RunningApi.JsonAsync(answer, 201);
        Assert.Equal(Digest.Of(RunningApi.Picture(4)).ToString(), (string?)upload["sha256"]);
        Assert.Equal("image/png", (string?)(await Api.GetAsync(answer.Headers.Location!.ToString()))["mediaType"]);
        var result = await RunningApi.JsonAsync(
            await Api.SendJsonAsync("/v1/explanations?wait=30", new JsonObject { ["uri"] = (string?)upload["id"] }),
            200
        );
        Assert.Equal("Completed", (string?)result["state"]);
        Assert.Equal(HttpStatusCode.NoContent, (await Api.Client.DeleteAsync(answer.Headers.Location)).StatusCode);
        await RunningApi.RefusedAsync(await Api.Client.GetAsync(answer.Headers.Location), 404, "not-found");
        await RunningApi.RefusedAsync(await Api.Client.DeleteAsync(answer.Headers.Location), 404, "not-found");
    }

    [Fact]
    public async Task Repeated_key_returns_the_same_request_while_it_runs_and_afterwards()
    {
        var first = await RunningApi.JsonAsync(await Api.SendImageAsync(RunningApi.Picture(5), "", key: "five"), 202);
        var second = await RunningApi.JsonAsync(await Api.SendImageAsync(RunningApi.Picture(5), key: "five"), 200);
        var third = await RunningApi.JsonAsync(await Api.SendImageAsync(RunningApi.Picture(5), key: "five"), 200);
        Assert.Equal((string?)first["id"], (string?)second["id"]);
        Assert.Equal(second.ToJsonString(), third.ToJsonString());

        (string, string)[] fields = [("targets", "class:red"), ("targets", "label"), ("label", "green")];
        await RunningApi.JsonAsync(await Api.SendImageAsync(RunningApi.Picture(5), key: "five and more", fields: fields), 200);
        await RunningApi.JsonAsync(await Api.SendImageAsync(RunningApi.Picture(5), key: "five and more", fields: fields), 200);
    }

    [Fact]
    public async Task Key_of_another_request_is_a_conflict()
    {
        await RunningApi.JsonAsync(await Api.SendImageAsync(RunningApi.Picture(6), key: "six"), 200);
        await RunningApi.RefusedAsync(await Api.SendImageAsync(RunningApi.Picture(66), key: "six"), 409, "key-used");
        await RunningApi.RefusedAsync(
            await Api.SendImageAsync(RunningApi.Picture(6), key: "six", fields: ("label", "red")),
            409,
            "key-used"
        );
        await RunningApi.RefusedAsync(
            await Api.SendImageAsync(RunningApi.Picture(6), key: "six", fields: ("targets", "top:2")),
            409,
            "key-used"
        );
        await RunningApi.RefusedAsync(
            await Api.SendJsonAsync("/v1/explanations", new JsonObject { ["uri"] = "/x.png" }, key: "six"),
            409,
            "key-used"
        );
        await RunningApi.RefusedAsync(await Api.SendImageAsync(RunningApi.Picture(6), key: new string('k', 201)), 400, "invalid-request");
    }

    [Theory]
    [InlineData("threshold", "0.4")]
    [InlineData("method", "rollout")]
    [InlineData("dtype", "bfloat16")]
    [InlineData("embedding", "false")]
    [InlineData("targets", "class:red")]
    [InlineData("label", "red")]
    public async Task Key_with_a_changed_field_is_a_conflict_while_the_request_runs_and_after_it_is_deleted(string field, string value)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var (picture, key) = (RunningApi.Picture(70 + field.Length), $"again with another {field}");
        async Task RefusedAsync() =>
            await RunningApi.RefusedAsync(await Api.SendImageAsync(picture, key: key, fields: (field, value)), 409, "key-used");

        var accepted = await RunningApi.JsonAsync(await Api.SendImageAsync(picture, "", key), 202);
        await RefusedAsync();
        var done = await RunningApi.JsonAsync(await Api.SendImageAsync(picture, key: key), 200);
        Assert.Equal("Completed", (string?)done["state"]);
        await RefusedAsync();
        while (await Api.Store.Chunks.FindAsync((Guid)accepted["id"]!, 0, cancellationToken) is not null)
            await Api.Store.Chunks.ForgetRequestsAsync(TimeSpan.Zero, cancellationToken: cancellationToken); // as retention does
        await RefusedAsync();
        Assert.Equal(done.ToJsonString(), (await RunningApi.JsonAsync(await Api.SendImageAsync(picture, key: key), 200)).ToJsonString());
    }

    [Fact]
    public async Task Requests_and_jobs_share_one_key_space()
    {
        var folder = Path.GetDirectoryName(Api.AddPicture(90, "both/1.png"))!;
        var submit = new JsonObject { ["source"] = $"folder:{folder}" };
        var explain = new JsonObject { ["uri"] = Path.Combine(folder, "1.png") };

        await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/explanations?wait=20", explain, key: "order-17"), 200);
        var refused = await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", submit, key: "order-17"), 409, "key-used");
        Assert.Contains("request", (string)refused["detail"]!);

        var job = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", submit, key: "order-18"), 201);
        await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/explanations", explain, key: "order-18"), 409, "key-used");
        var done = await Api.GetAsync($"/v1/jobs/{(string?)job["id"]}?wait=30");
        Assert.Equal(("Completed", 1, 1), ((string?)done["state"], (int)done["images"]!, (int)done["progress"]!["completed"]!));
        refused = await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/explanations", explain, key: "order-18"), 409, "key-used");
        Assert.Contains($"job {(string?)job["id"]}", (string)refused["detail"]!);
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/requests/{(string?)job["id"]}"), 404, "not-found");
    }

    [Fact]
    public async Task Key_of_a_retry_cannot_be_chosen_by_a_caller()
    {
        File.WriteAllBytes(Api.AddPicture(91, "retried/1.png"), RunningApi.Picture(91)[..^40]);
        var body = new JsonObject { ["source"] = $"folder:{Path.Combine(Api.Folder, "retried")}" };
        var job = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body), 201);
        await Api.GetAsync($"/v1/jobs/{(string?)job["id"]}?wait=30");
        var other = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body, key: $"retry of {(string?)job["id"]}"), 201);
        var child = await RunningApi.JsonAsync(await Api.SendAsync(HttpMethod.Post, $"/v1/jobs/{(string?)job["id"]}/retry"), 201);
        Assert.NotEqual((string?)other["id"], (string?)child["id"]);
        Assert.Equal((string?)job["id"], (string?)child["parent"]);
    }

    [Fact]
    public async Task Concurrent_calls_with_one_key_are_one_request()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Api.SendImageAsync(RunningApi.Picture(7), key: "seven")));
        var ids = new HashSet<string?>();
        foreach (var answer in answers)
            ids.Add((string?)(await RunningApi.JsonAsync(answer, 200))["id"]);
        Assert.Single(ids);
        var explanation = (string?)(await Api.GetAsync($"/v1/requests/{ids.Single()}"))["explanation"]!["id"];
        Assert.Single((await Api.GetAsync($"/v1/items?explanation={explanation}"))["items"]!.AsArray());
    }

    [Theory]
    [InlineData("/etc/hostname")]
    [InlineData("{root}/../secret.png")]
    [InlineData("{root}/link.png")]
    [InlineData("relative.png")]
    public async Task File_outside_the_roots_is_not_read(string uri)
    {
        var outside = Path.Combine(Path.GetDirectoryName(Api.Folder)!, "secret.png");
        File.WriteAllBytes(outside, RunningApi.Picture(8));
        if (!File.Exists(Path.Combine(Api.Folder, "link.png")))
            File.CreateSymbolicLink(Path.Combine(Api.Folder, "link.png"), outside);
        var problem = await RunningApi.RefusedAsync(
            await Api.SendJsonAsync("/v1/explanations?wait=30", new JsonObject { ["uri"] = uri.Replace("{root}", Api.Folder) }),
            400,
            "invalid-request"
        );
        Assert.Contains("may be read", (string)problem["detail"]!);
    }

    [Theory]
    [InlineData("http://169.254.169.254/latest/meta-data/")]
    [InlineData("https://images.example.org/a.png")]
    [InlineData("s3://bucket/a.png")]
    [InlineData("s3://bucket/../a.png")]
    public async Task Host_or_bucket_that_is_not_allowed_is_refused_at_once(string uri) =>
        await RunningApi.RefusedAsync(
            await Api.SendJsonAsync("/v1/explanations", new JsonObject { ["uri"] = uri }),
            400,
            "invalid-request"
        );

    [Fact]
    public async Task Missing_file_ends_as_a_failed_item()
    {
        var result = await RunningApi.JsonAsync(
            await Api.SendJsonAsync("/v1/explanations?wait=30", new JsonObject { ["uri"] = Path.Combine(Api.Folder, "later.png") }),
            200
        );
        Assert.Equal("not-found", (string?)result["item"]!["reason"]);
    }

    [Theory]
    [InlineData("/v1/explanations", "application/json; charset=xyz")]
    [InlineData("/v1/explanations", "application/json; charset=utf-7")]
    [InlineData("/v1/jobs", "application/json; charset=xyz")]
    [InlineData("/v1/jobs", "application/json; charset=\"\"")]
    [InlineData("/v1/jobs/dry-run", "application/json; charset=xyz")]
    [InlineData("/v1/explanations", "application/x-www-form-urlencoded; charset=xyz")]
    [InlineData("/v1/explanations", "multipart/form-data; boundary=b; charset=xyz")]
    public async Task Body_in_an_unknown_charset_is_refused(string path, string type)
    {
        using var body = new ByteArrayContent("{}"u8.ToArray());
        Assert.True(body.Headers.TryAddWithoutValidation("Content-Type", type));
        var answer = await Api.SendAsync(HttpMethod.Post, path, body);
        await RunningApi.RefusedAsync(answer, 415, "unsupported-media-type");
    }

    [Theory]
    [InlineData("xyz")]
    [InlineData("utf-7")]
    [InlineData("utf-8\"")]
    public async Task Form_field_in_an_unknown_charset_is_a_client_error(string charset)
    {
        using var body = new StringContent(
            "--b\r\nContent-Disposition: form-data; name=\"label\"\r\n"
                + $"Content-Type: text/plain; charset={charset}\r\n\r\ncat\r\n--b--\r\n"
        );
        body.Headers.Remove("Content-Type");
        Assert.True(body.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=b"));
        var answer = await Api.SendAsync(HttpMethod.Post, "/v1/explanations", body);
        Assert.InRange((int)answer.StatusCode, 400, 499);
    }

    [Theory]
    [InlineData("root:x:0:0")]
    [InlineData("BMx:0:0:root:/root:/bin/bash:and:some:more:text:that:is:no:picture")]
    public async Task Error_does_not_quote_the_refused_file(string text)
    {
        var path = Path.Combine(Api.Folder, "secret.png");
        Directory.CreateDirectory(Api.Folder);
        await File.WriteAllTextAsync(path, text);
        var result = await RunningApi.JsonAsync(
            await Api.SendJsonAsync("/v1/explanations?wait=30", new JsonObject { ["uri"] = path }),
            200
        );
        var detail = (string)result["item"]!["detail"]!;
        Assert.Equal("unsupported-format", (string?)result["item"]!["reason"]);
        foreach (
            var bytes in Enumerable
                .Range(0, 20)
                .Where(at => at + 4 <= text.Length)
                .Select(at => System.Text.Encoding.ASCII.GetBytes(text[at..(at + 4)]))
        )
        {
            Assert.DoesNotContain(Convert.ToHexString(bytes), detail, StringComparison.Ordinal);
            Assert.DoesNotContain($"{BitConverter.ToUInt32(bytes)}", detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Upload_that_is_no_image_is_refused_at_once()
    {
        var problem = await RunningApi.RefusedAsync(await Api.SendImageAsync("no image"u8.ToArray()), 422, "image-refused");
        Assert.Equal("unsupported-format", (string?)problem["reason"]);
        await RunningApi.RefusedAsync(await Api.SendImageAsync([]), 422, "image-refused");
        await RunningApi.RefusedAsync(
            await Api.SendAsync(HttpMethod.Post, "/v1/uploads", new ByteArrayContent([1, 2, 3])),
            422,
            "image-refused"
        );
    }

    [Fact]
    public async Task Broken_image_ends_as_a_failed_item_with_the_reason()
    {
        var broken = RunningApi.Picture(9)[..^40];
        var result = await RunningApi.JsonAsync(await Api.SendImageAsync(broken), 200);
        Assert.Equal("Failed", (string?)result["state"]);
        Assert.Equal("corrupt", (string?)result["item"]!["reason"]);
    }

    [Theory]
    [InlineData("method", "ag-cam", "method", "agcam-pooled")]
    [InlineData("method", "random", "method", "rollout")] // an evaluation's control
    [InlineData("method", "evaluation", "method", "rollout")]
    [InlineData("method", "agcam-pooled", "method", "Methods that do: agcam, agcam-signed")]
    [InlineData("targets", "class:ladybgu", "targets[0]", "nearest")]
    [InlineData("targets", "label", "label", "must be given")]
    [InlineData("targets", "predicted-vs-label", "label", "must be given")]
    [InlineData("label", "ladybgu", "label", "nearest")]
    [InlineData("dtype", "float8", "dtype", "bfloat16")]
    public async Task Value_that_does_not_fit_the_model_is_refused_by_field_with_valid_ones(
        string name,
        string value,
        string field,
        string says
    )
    {
        var problem = await RunningApi.RefusedAsync(
            await Api.SendImageAsync(RunningApi.Picture(11), fields: (name, value)),
            400,
            "invalid-request"
        );
        Assert.Equal([field], problem["errors"]!.AsObject().Select(error => error.Key));
        Assert.Contains(says, (string)problem["errors"]![field]![0]!);
        Assert.NotEmpty((string)problem["next"]!);
    }

    [Fact]
    public async Task Contrastive_target_is_refused_for_a_method_without_classes_and_stored_for_others()
    {
        (string, string)[] fields = [("targets", "predicted"), ("targets", "red-vs-class:green")];
        var problem = await RunningApi.RefusedAsync(
            await Api.SendImageAsync(RunningApi.Picture(12), fields: [("method", "rollout"), .. fields]),
            400,
            "invalid-request"
        );
        Assert.Contains("generic", (string)problem["errors"]!["targets[1]"]![0]!);

        var result = await RunningApi.JsonAsync(await Api.SendImageAsync(RunningApi.Picture(12), fields: fields), 200);
        var map = result["explanation"]!["targets"]![1]!;
        Assert.Equal(("class:0-vs-class:1", 0, 1), ((string?)map["targets"]![0], (int)map["class"]!, (int)map["against"]!));
        Assert.Equal(("red", "green"), ((string?)map["name"], (string?)map["againstName"]));
        Assert.Null((int?)result["explanation"]!["targets"]![0]!["against"]);
    }

    [Fact]
    public async Task Invalid_fields_are_named()
    {
        var problem = await RunningApi.RefusedAsync(
            await Api.SendImageAsync(RunningApi.Picture(10), fields: [("targets", "worst"), ("threshold", "7"), ("dtype", "int4")]),
            400,
            "invalid-request"
        );
        Assert.Equal(["dtype", "targets[0]", "threshold"], problem["errors"]!.AsObject().Select(error => error.Key).Order());
        await RunningApi.RefusedAsync(await Api.SendImageAsync(RunningApi.Picture(10), fields: ("labl", "dog")), 400, "invalid-request");
        await RunningApi.RefusedAsync(
            await Api.SendImageAsync(RunningApi.Picture(10), fields: ("embedding", "maybe")),
            400,
            "invalid-request"
        );
        await RunningApi.RefusedAsync(
            await Api.SendImageAsync(RunningApi.Picture(10), fields: ("model", "resnet")),
            400,
            "invalid-request"
        );
        await RunningApi.RefusedAsync(await Api.SendImageAsync(RunningApi.Picture(10), query: "?wait=9999"), 400, "invalid-request");
        await RunningApi.RefusedAsync(await Api.SendImageAsync(RunningApi.Picture(10), query: "?hurry=1"), 400, "invalid-request");
    }

    [Fact]
    public async Task Unreadable_bodies_are_refused()
    {
        Task<HttpResponseMessage> PostAsync(string body, string type) =>
            Api.SendAsync(HttpMethod.Post, "/v1/explanations", new StringContent(body, System.Text.Encoding.UTF8, type));

        await RunningApi.RefusedAsync(await PostAsync("{\"uri\": \"/a.png\", \"labl\": \"dog\"}", "application/json"), 400, "invalid-json");
        await RunningApi.RefusedAsync(await PostAsync("{\"uri\": ", "application/json"), 400, "invalid-json");
        await RunningApi.RefusedAsync(await PostAsync("{}", "application/json"), 400, "invalid-request");
        await RunningApi.RefusedAsync(await PostAsync("hello", "text/plain"), 415, "unsupported-media-type");
    }

    [Fact]
    public async Task Deleting_a_request_deletes_its_item_and_keeps_its_explanation()
    {
        var done = await Api.ExplainAsync(RunningApi.Picture(11));
        var at = $"/v1/requests/{(string?)done["id"]}";
        Assert.Equal(HttpStatusCode.NoContent, (await Api.Client.DeleteAsync(at)).StatusCode);
        await RunningApi.RefusedAsync(await Api.Client.GetAsync(at), 404, "not-found");
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/items/{(string?)done["id"]}/0"), 404, "not-found");
        await RunningApi.RefusedAsync(await Api.Client.DeleteAsync(at), 404, "not-found");
        await Api.GetAsync($"/v1/explanations/{(string?)done["item"]!["explanation"]}");
    }

    [Fact]
    public async Task Unknown_request_is_a_404()
    {
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/requests/{Guid.NewGuid()}"), 404, "not-found");
        await RunningApi.RefusedAsync(await Api.Client.GetAsync("/v1/requests/five"), 404, "not-found");
    }
}
