using System.Text.Json.Nodes;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Tests.Resources;

/// <summary>Tests evaluation jobs as far as possible without a model.</summary>
public sealed class EvaluationsTests(SharedApi shared) : IClassFixture<SharedApi>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private RunningApi Api => shared.Api;

    [Fact]
    public async Task Evaluation_is_a_job_of_its_own_kind()
    {
        var body = Body(Dataset("kind", 1000, 5));
        var job = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body, key: "val"), 201);
        Assert.Equal(("evaluation", "evaluation"), ((string?)job["kind"], (string?)job["method"]));
        Assert.Equal("label", (string?)job["targets"]![0]);
        Assert.Equal(["agcam", "rollout"], job["evaluation"]!["methods"]!.AsArray().Select(name => (string?)name));
        Assert.Equal(["Localization", "Pointing"], job["evaluation"]!["metrics"]!.AsArray().Select(name => (string?)name));
        Assert.Equal(
            (8, 20, "Auto"),
            ((int)job["evaluation"]!["batch"]!, (int)job["evaluation"]!["maskedBatch"]!, (string?)job["evaluation"]!["layout"])
        );
        Assert.Equal(
            (string?)job["id"],
            (string?)(await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body, key: "val"), 200))["id"]
        );
        body["evaluation"]!["batch"] = 4;
        await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", body, key: "val"), 409, "key-used");

        // CornerEngine cannot evaluate, so the job pauses with the reason.
        var at = $"/v1/jobs/{(string?)job["id"]}";
        for (var until = DateTime.UtcNow.AddMinutes(1); (string?)job["state"] != "Paused"; job = await Api.GetAsync(at))
            Assert.True(DateTime.UtcNow < until, job.ToJsonString());
        Assert.StartsWith("no-such-method: ", (string?)job["reason"]);
        Assert.Equal(
            "explanation",
            (string?)
                (
                    await RunningApi.JsonAsync(
                        await Api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"folder:{Api.Folder}/kind" }),
                        201
                    )
                )["kind"]
        );
    }

    [Fact]
    public async Task Rows_are_streamed_in_chunk_order_and_end_with_their_count()
    {
        // Neither a worker nor the job loops run: the test writes every chunk itself.
        await using var api = await RunningApi.StartAsync(worker: false, pipeline: options => options with { RunJobs = false });
        var job = (
            await api.Store.Jobs.CreateAsync(
                new JobSpec
                {
                    Source = "dataset:/anywhere",
                    Model = new ModelPin { Id = "corner", Sha256 = Digest.Of("corner"u8) },
                    Method = EvaluationSpec.Method,
                    Evaluation = new EvaluationSpec { Methods = ["agcam"], Metrics = [AgCam.Evaluation.MetricFamily.Localization] },
                },
                cancellationToken: Cancel
            )
        ).Job.Id;
        await api.Store.Jobs.AddChunksAsync(
            job,
            await api.Store.Jobs.PlanTailAsync(job, Cancel),
            [
                [Image(0), Image(1)],
                [Image(2)],
            ],
            Cancel
        );
        Assert.Equal("", await api.Client.GetStringAsync($"/v1/jobs/{job}/rows", Cancel));

        // The first chunk has no header: its images failed.
        foreach (var (header, rows) in new[] { (null, new[] { "row 0", "row 1" }), ("header", (string[])["row 2"]) })
        {
            var chunk = Assert.Single(await api.Store.Chunks.ClaimPlannedAsync(job, 1, TimeSpan.FromHours(1), Cancel));
            var message = new ExplainImages
            {
                Key = "k",
                JobId = job,
                Chunk = chunk.Number,
                PublishCount = chunk.PublishCount,
                Generation = chunk.Generation,
                References = chunk.References,
            };
            var lease = (await api.Store.Chunks.LeaseAsync(message, "test", TimeSpan.FromHours(1), cancellationToken: Cancel)).Lease!;
            await api.Store.Chunks.SaveAsync(
                [
                    new ChunkResult(lease, [], [.. chunk.References.Select(image => Failed(job, image))])
                    {
                        Rows = ChunkRows.Of(chunk.Number, header, rows),
                    },
                ],
                Cancel
            );
        }
        Assert.Equal("header\nrow 0\nrow 1\nrow 2\n", await api.Client.GetStringAsync($"/v1/jobs/{job}/rows", Cancel));
        await api.Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel);

        var answer = await api.Client.GetAsync($"/v1/jobs/{job}/rows", Cancel);
        Assert.Equal("application/x-ndjson", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal("header\nrow 0\nrow 1\nrow 2\n{\"end\":3}\n", await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task Explanation_job_and_unknown_job_have_no_rows()
    {
        var job = await RunningApi.JsonAsync(
            await Api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"folder:{Dataset("plain", 1100, 1)}" }),
            201
        );
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/jobs/{(string?)job["id"]}/rows", Cancel), 409, "no-evaluation");
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/jobs/{Guid.NewGuid()}/rows", Cancel), 404, "not-found");
    }

    [Fact]
    public async Task Invalid_evaluation_is_refused_by_field()
    {
        var dataset = Dataset("refused", 1200, 1);
        await RefusedAsync(body => body["evaluation"]!["methods"] = new JsonArray("gradcam"), "evaluation.methods");
        await RefusedAsync(body => body["evaluation"]!["methods"] = new JsonArray(), "evaluation.methods");
        await RefusedAsync(body => body["evaluation"]!["metrics"] = new JsonArray("Pointing", "Localization"), "evaluation.metrics");
        await RefusedAsync(body => body["evaluation"]!["batch"] = 257, "evaluation.batch");
        await RefusedAsync(body => body["evaluation"]!["maskedBatch"] = 0, "evaluation.maskedBatch");
        await RefusedAsync(body => body["threshold"] = 0.12345, "threshold");
        await RefusedAsync(body => body["targets"] = new JsonArray("label"), "targets");
        await RefusedAsync(body => body["method"] = "agcam", "method");
        await RefusedAsync(body => body["embedding"] = true, "embedding");
        await RefusedAsync(body => body["source"] = $"folder:{dataset}", "source");
        await RefusedAsync(body => body["audit"] = new JsonObject(), "audit");
        foreach (var (name, value) in new[] { ("metrics", (JsonNode)new JsonArray("Beauty")), ("parity", "Other") })
        {
            var body = Body(dataset);
            body["evaluation"]![name] = value;
            await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", body), 400, "invalid-json");
        }
        await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", Body("/etc")), 400, "invalid-request");
        var elsewhere = Body(dataset);
        elsewhere["evaluation"]!["images"] = "/etc";
        await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", elsewhere), 400, "invalid-request");
        await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs/dry-run", Body(dataset)), 400, "invalid-request");

        async Task RefusedAsync(Action<JsonObject> change, string field)
        {
            var body = Body(dataset);
            change(body);
            var problem = await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", body), 400, "invalid-request");
            Assert.Equal([field], problem["errors"]!.AsObject().Select(error => error.Key));
        }
    }

    [Fact]
    public async Task A_dataset_without_evaluation_is_explained()
    {
        var body = Body(Dataset("explained", 1300, 1));
        body.Remove("evaluation");
        Assert.Equal("explanation", (string?)(await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body), 201))["kind"]);
    }

    private static JsonObject Body(string dataset) =>
        new()
        {
            ["source"] = $"dataset:{dataset}",
            ["evaluation"] = new JsonObject
            {
                ["methods"] = new JsonArray("agcam", "rollout"),
                ["metrics"] = new JsonArray("Localization", "Pointing"),
            },
        };

    private static ImageReference Image(int number) => new() { Number = number, Uri = $"/anywhere/{number}.png" };

    private static Item Failed(Guid job, ImageReference image) =>
        new()
        {
            Job = job,
            Number = image.Number,
            Status = ItemStatus.Failed,
            Reason = "no-label",
            Detail = "It has none.",
            Kind = image.Kind,
            Uri = image.Uri,
            Model = "corner",
            Time = DateTimeOffset.UnixEpoch,
        };

    private string Dataset(string name, int first, int count)
    {
        for (var number = first; number < first + count; number++)
            Api.AddPicture(number, Path.Combine(name, "blue", $"{number}.png"));
        return Path.Combine(Api.Folder, name);
    }
}
