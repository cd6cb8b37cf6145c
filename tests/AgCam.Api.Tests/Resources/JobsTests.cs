using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgCam.Api.Exports;
using AgCam.Pipeline.References;
using Parquet.Serialization;

namespace AgCam.Api.Tests.Resources;

public sealed class JobsTests(SharedApi shared) : IClassFixture<SharedApi>
{
    private RunningApi Api => shared.Api;

    [Fact]
    public async Task Job_over_a_folder_has_one_item_per_image()
    {
        var folder = AddFolder("pets", 100, 9);
        var answer = await Api.SendJsonAsync(
            "/v1/jobs",
            new JsonObject { ["source"] = $"folder:{folder}", ["tags"] = new JsonArray("pets", "nightly") }
        );
        var job = await RunningApi.JsonAsync(answer, 201);
        Assert.Equal($"/v1/jobs/{(string?)job["id"]}", answer.Headers.Location!.ToString());
        job = await Api.GetAsync($"{answer.Headers.Location}?wait=30");
        Assert.Equal("Completed", (string?)job["state"]);
        Assert.Equal(9, (int)job["images"]!);
        Assert.Equal(9, (int)job["progress"]!["completed"]!);
        var items = await Api.GetAsync($"{answer.Headers.Location}/items?sort=-probability&limit=5");
        Assert.Equal(5, items["items"]!.AsArray().Count);
        Assert.NotNull(items["next"]);
        await RunningApi.RefusedAsync(
            await Api.Client.GetAsync($"{answer.Headers.Location}/items?job={(string?)job["id"]}"),
            400,
            "invalid-request"
        );
    }

    [Fact]
    public async Task Jobs_are_listed_by_tag_and_state_newest_first()
    {
        var ids = new List<string?>();
        for (var i = 0; i < 3; i++)
            ids.Add((string?)(await DoneAsync($"list{i}", 200 + 10 * i, 1, "listed"))["id"]);
        var first = await Api.GetAsync("/v1/jobs?tag=listed&state=completed&limit=2");
        var second = await Api.GetAsync($"/v1/jobs?tag=listed&state=completed&limit=2&cursor={(string?)first["next"]}");
        Assert.Equal(
            ids.AsEnumerable().Reverse(),
            first["items"]!.AsArray().Concat(second["items"]!.AsArray()).Select(job => (string?)job!["id"])
        );
        Assert.Null(second["next"]);
        Assert.Empty((await Api.GetAsync("/v1/jobs?tag=listed&state=paused"))["items"]!.AsArray());
        await RunningApi.RefusedAsync(await Api.Client.GetAsync("/v1/jobs?state=lost"), 400, "invalid-request");
        await RunningApi.RefusedAsync(await Api.Client.GetAsync("/v1/jobs?cursor=abc"), 400, "wrong-cursor");
        await RunningApi.RefusedAsync(await Api.Client.GetAsync("/v1/jobs?owner=me"), 400, "invalid-request");
    }

    [Fact]
    public async Task Repeated_key_returns_the_same_job_and_conflicts_with_another_body()
    {
        var body = new JsonObject { ["source"] = $"folder:{AddFolder("keyed", 300, 1)}" };
        var first = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body, key: "job-key"), 201);
        var second = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body, key: "job-key"), 200);
        Assert.Equal((string?)first["id"], (string?)second["id"]);
        body["threshold"] = 0.6;
        await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", body, key: "job-key"), 409, "key-used");
    }

    [Theory]
    [InlineData("method", "ag-cam", "agcam-pooled")]
    [InlineData("method", "centre-box", "rollout")] // an evaluation's control
    [InlineData("method", "evaluation", "rollout")]
    [InlineData("method", "agcam-pooled", "Methods that do: agcam, agcam-signed")]
    [InlineData("targets", "class:ladybgu", "nearest")]
    [InlineData("targets", "predicted-vs-ladybgu", "nearest")]
    [InlineData("dtype", "float8", "bfloat16")]
    public async Task Value_that_does_not_fit_the_model_is_refused_by_field_with_valid_ones(string field, string value, string says)
    {
        foreach (var path in (string[])["/v1/jobs", "/v1/jobs/dry-run"])
        {
            var body = new JsonObject { ["source"] = $"folder:{Api.Folder}" };
            body[field] = field == "targets" ? new JsonArray(value) : value;
            var problem = await RunningApi.RefusedAsync(await Api.SendJsonAsync(path, body), 400, "invalid-request");
            var (key, texts) = Assert.Single(problem["errors"]!.AsObject());
            Assert.Equal(field == "targets" ? "targets[0]" : field, key);
            Assert.Contains(says, (string)texts![0]!);
        }
    }

    [Fact]
    public async Task Invalid_fields_are_named()
    {
        var body = new JsonObject
        {
            ["source"] = $"folder:{Api.Folder}",
            ["targets"] = new JsonArray("worst"),
            ["weight"] = 0,
            ["maxFailureRate"] = 2,
        };
        var problem = await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", body), 400, "invalid-request");
        Assert.Equal(["maxFailureRate", "targets[0]", "weight"], problem["errors"]!.AsObject().Select(error => error.Key).Order());
        await RunningApi.RefusedAsync(
            await Api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = "x", ["model"] = "resnet" }),
            400,
            "invalid-request"
        );
        await RunningApi.RefusedAsync(
            await Api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = "ftp://x" }),
            400,
            "invalid-request"
        );
        await RunningApi.RefusedAsync(
            await Api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = "folder:/etc" }),
            400,
            "invalid-request"
        );
        await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", new JsonObject { ["sauce"] = "x" }), 400, "invalid-json");
        await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", new JsonObject()), 400, "invalid-request");
    }

    [Theory]
    [InlineData("treshold", 0.5, "There is no field \"treshold\"; did you mean \"threshold\"?")]
    [InlineData("sauce", "x", "There is no field \"sauce\"; did you mean \"source\"?")]
    [InlineData("colour", "red", "There is no field \"colour\"; the fields are source, model, ")]
    [InlineData("threshold", "half", "\"threshold\" takes a number.")]
    [InlineData("weight", "heavy", "\"weight\" takes a whole number.")]
    [InlineData("lane", "fast", "\"lane\" takes one of Bulk, Interactive.")]
    [InlineData("targets", "predicted", "\"targets\" takes a list.")]
    [InlineData("source", 5, "\"source\" takes a text.")]
    public async Task Wrong_field_is_answered_with_the_nearest_valid_one(string field, object value, string expected)
    {
        var body = new JsonObject { ["source"] = $"folder:{Api.Folder}", [field] = JsonSerializer.SerializeToNode(value) };
        var problem = await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", body), 400, "invalid-json");
        Assert.StartsWith(expected, (string?)problem["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Target_without_its_colon_is_answered_with_the_right_form()
    {
        var body = new JsonObject { ["source"] = $"folder:{Api.Folder}", ["targets"] = new JsonArray("top3") };
        var problem = await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", body), 400, "invalid-request");
        Assert.Contains("did you mean top:3?", (string?)problem["detail"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/jobs/nightly", "\"nightly\" is not an id.", 404)]
    [InlineData("/v1/requests/17", "\"17\" is not an id.", 404)]
    [InlineData("/v1/explanations/abc", "\"abc\" is not an id of an explanation.", 400)]
    public async Task Malformed_id_is_answered_with_the_form_of_an_id(string path, string detail, int status)
    {
        var answer = await Api.Client.GetAsync(path);
        Assert.Equal(status, (int)answer.StatusCode);
        var problem = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        Assert.Equal(detail, (string?)problem["detail"]);
        Assert.Matches("^(An id looks like 0198c0de-|An id has 64 hexadecimal digits)", (string?)problem["next"]);
    }

    [Fact]
    public async Task Cancelled_job_can_be_neither_cancelled_nor_paused_again()
    {
        var job = await DoneAsync("ended", 400, 1);
        var at = $"/v1/jobs/{(string?)job["id"]}";
        await RunningApi.RefusedAsync(await PostAsync($"{at}/cancel"), 409, "job-state");
        await RunningApi.RefusedAsync(await PostAsync($"{at}/pause"), 409, "job-state");
        await RunningApi.RefusedAsync(await PostAsync($"{at}/resume"), 409, "job-state");
        await RunningApi.RefusedAsync(await PostAsync($"{at}/retry"), 409, "nothing-failed");
        foreach (var change in new[] { "cancel", "pause", "resume", "retry" })
            await RunningApi.RefusedAsync(await PostAsync($"/v1/jobs/{Guid.NewGuid()}/{change}"), 404, "not-found");
    }

    [Theory]
    [InlineData("no-such-target: The model has no class \"zebra\".", 409)]
    [InlineData("source-changed: The folder is another.", 409)]
    [InlineData("unreachable: The bucket does not answer.", 200)]
    [InlineData("paused by request", 200)]
    public async Task Paused_job_is_resumed_only_if_it_can_run(string reason, int status)
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        api.AddPicture(1);
        var job = await RunningApi.JsonAsync(
            await api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"folder:{api.Folder}" }),
            201
        );
        var id = Guid.Parse((string)job["id"]!);
        Assert.True(await api.Store.Jobs.PauseAsync(id, reason, TestContext.Current.CancellationToken));

        var answer = await RunningApi.JsonAsync(await api.SendAsync(HttpMethod.Post, $"/v1/jobs/{id}/resume"), status);

        var after = await api.GetAsync($"/v1/jobs/{id}");
        if (status == 200)
        {
            Assert.Equal("Running", (string?)after["state"]);
            return;
        }
        Assert.Equal(("Paused", false), ((string?)after["state"], (bool)after["canResume"]!));
        Assert.Equal("job-state", (string?)answer["code"]);
        Assert.Equal($"Job {id} can never run and cannot be resumed: {reason}", (string?)answer["detail"]);
        Assert.Equal("Cancel it and submit a new job.", (string?)answer["next"]);
    }

    [Fact]
    public async Task Parquet_export_names_its_model_its_classes_and_the_precision_of_its_values()
    {
        var job = await DoneAsync("footer", 830, 1);
        using var parquet = new MemoryStream(await Api.Client.GetByteArrayAsync($"/v1/jobs/{(string?)job["id"]}/export?format=parquet"));
        var footer = (await ParquetSerializer.DeserializeAsync<ParquetRow>(parquet)).CustomMetadata!;

        var names = JsonNode.Parse(footer["agcam.class_names"])!.AsArray().Select(name => (string?)name).ToList();
        Assert.Equal(["red", "green", "blue"], names.Take(3));
        Assert.Equal(10, names.Count);
        Assert.Equal((string?)job["model"]!["id"], footer["agcam.model"]);
        Assert.Equal((string?)job["model"]!["sha256"], footer["agcam.model_sha256"]);
        var dtypes = JsonNode.Parse(footer["agcam.dtypes"])!;
        Assert.Equal(("float16", "float16"), ((string?)dtypes["heatmap"], (string?)dtypes["more_heatmaps"]));
        Assert.Equal(("float32", "float32"), ((string?)dtypes["logits"], (string?)dtypes["log_sum_exp"]));
    }

    [Fact]
    public async Task Failures_of_a_job_are_retried_as_a_child_job()
    {
        var folder = AddFolder("half", 500, 3);
        File.WriteAllText(Path.Combine(folder, "broken.png"), "not a picture");
        var job = await CreateAsync(folder);
        Assert.Equal((3, 1), ((int)job["progress"]!["completed"]!, (int)job["progress"]!["failed"]!));
        File.WriteAllBytes(Path.Combine(folder, "broken.png"), RunningApi.Picture(599));

        var child = await RunningApi.JsonAsync(await PostAsync($"/v1/jobs/{(string?)job["id"]}/retry"), 201);
        Assert.Equal((string?)job["id"], (string?)child["parent"]);
        var done = await Api.GetAsync($"/v1/jobs/{(string?)child["id"]}?wait=30");
        Assert.Equal((1, 1, 0), ((int)done["images"]!, (int)done["progress"]!["completed"]!, (int)done["progress"]!["failed"]!));
        Assert.Equal(
            (string?)child["id"],
            (string?)(await RunningApi.JsonAsync(await PostAsync($"/v1/jobs/{(string?)job["id"]}/retry"), 200))["id"]
        );
    }

    [Fact]
    public async Task Deleted_job_and_its_items_are_gone()
    {
        var job = await DoneAsync("deleted", 600, 2);
        var at = $"/v1/jobs/{(string?)job["id"]}";
        Assert.Equal(HttpStatusCode.NoContent, (await Api.Client.DeleteAsync(at)).StatusCode);
        foreach (var gone in new[] { at, $"{at}/items", $"{at}/events", $"{at}/export" })
            await RunningApi.RefusedAsync(await Api.Client.GetAsync(gone), 404, "not-found");
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/items/{(string?)job["id"]}/0"), 404, "not-found");
        await RunningApi.RefusedAsync(await Api.Client.DeleteAsync(at), 404, "not-found");
    }

    [Fact]
    public async Task Only_ended_jobs_that_match_tag_and_time_are_counted_and_deleted()
    {
        var (old, kept) = (await DoneAsync("swept1", 620, 2, "swept"), await DoneAsync("kept", 630, 1, "kept"));
        var between = DateTime.UtcNow;
        await DoneAsync("swept2", 640, 1, "swept");
        string At(string more) => $"/v1/jobs?before={between.AddMinutes(1):yyyy-MM-dd'T'HH:mm:ss'Z'}{more}";
        async Task<JsonNode> DeleteAsync(string address) => await RunningApi.JsonAsync(await Api.Client.DeleteAsync(address), 200);

        var would = await DeleteAsync(At("&tag=swept&dryRun=true"));
        for (var until = DateTime.UtcNow.AddSeconds(30); (int)would["jobs"]! < 2; would = await DeleteAsync(At("&tag=swept&dryRun=true")))
            Assert.True(DateTime.UtcNow < until, would.ToJsonString()); // their end is still being published
        Assert.Equal("""{"dryRun":true,"jobs":2,"images":3,"remaining":2}""", would.ToJsonString());
        would = await DeleteAsync($"/v1/jobs?before={between:yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'}&tag=swept&dryRun=true");
        Assert.Equal(1, (int)would["jobs"]!);
        var first = await DeleteAsync(At("&tag=swept&limit=1"));
        Assert.Equal("""{"dryRun":false,"jobs":1,"images":2,"remaining":1}""", first.ToJsonString());
        Assert.Equal("""{"dryRun":false,"jobs":1,"images":1,"remaining":0}""", (await DeleteAsync(At("&tag=swept"))).ToJsonString());

        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/jobs/{(string?)old["id"]}"), 404, "not-found");
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/items/{(string?)old["id"]}/0"), 404, "not-found");
        Assert.Equal("Completed", (string?)(await Api.GetAsync($"/v1/jobs/{(string?)kept["id"]}"))["state"]);
        string[] wrong = ["", "?tag=swept", "?before=today", "?before=1/2/2026", "?before=2026-01-01&limit=0", "?before=2026-01-01&x=y"];
        foreach (var query in wrong)
            await RunningApi.RefusedAsync(await Api.Client.DeleteAsync($"/v1/jobs{query}"), 400, "invalid-request");
    }

    [Fact]
    public async Task Event_stream_reports_progress_until_the_job_has_ended()
    {
        var folder = AddFolder("events", 700, 8);
        var job = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"folder:{folder}" }), 201);
        var answer = await Api.Client.GetAsync($"/v1/jobs/{(string?)job["id"]}/events");
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
        var events = (await answer.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("event: ended", events[^1]);
        Assert.All(events[..^1], item => Assert.Contains("event: job", item));
        var last = JsonNode.Parse(events[^1].Split('\n').Single(line => line.StartsWith("data: "))[6..])!;
        Assert.Equal(("Completed", 8), ((string?)last["state"], (int)last["progress"]!["completed"]!));
    }

    [Fact]
    public async Task Exports_contain_every_item_in_order()
    {
        var folder = AddFolder("export, \"quoted\"", 800, 5);
        File.WriteAllText(Path.Combine(folder, "z-broken.png"), "not a picture");
        var job = await CreateAsync(folder);
        var at = $"/v1/jobs/{(string?)job["id"]}/export";

        var lines = (await Api.Client.GetStringAsync($"{at}?format=jsonl"))
            .TrimEnd('\n')
            .Split('\n')
            .Select(line => JsonNode.Parse(line)!)
            .ToList();
        Assert.Equal(Enumerable.Range(0, 6), lines.Select(line => (int)line["number"]!));
        Assert.Equal("unsupported-format", (string?)lines[5]["reason"]);
        Assert.Equal((await Api.GetAsync($"/v1/items/{(string?)job["id"]}/0")).ToJsonString(), lines[0].ToJsonString());

        var rows = (await Api.Client.GetStringAsync($"{at}?format=csv")).TrimEnd().Split("\r\n");
        Assert.Equal(7, rows.Length);
        Assert.StartsWith("number,status,reason,detail,uri,", rows[0]);
        Assert.StartsWith("0,Completed,,,\"", rows[1]);
        Assert.Contains("export, \"\"quoted\"\"", rows[1]);

        var coco = JsonNode.Parse(await Api.Client.GetStringAsync($"{at}?format=coco"))!;
        Assert.Equal(5, coco["images"]!.AsArray().Count);
        Assert.All(coco["images"]!.AsArray(), image => Assert.Equal((300, 200), ((int)image!["width"]!, (int)image["height"]!)));
        Assert.Equal(5, coco["annotations"]!.AsArray().Count);
        Assert.Equal("blue", (string?)Assert.Single(coco["categories"]!.AsArray())!["name"]);
        Assert.All(coco["annotations"]!.AsArray(), box => Assert.Equal(JsonValueKind.Number, box!["bbox"]![0]!.GetValueKind()));

        using var parquet = new MemoryStream(await Api.Client.GetByteArrayAsync($"{at}?format=parquet"));
        var table = (await ParquetSerializer.DeserializeAsync<ParquetRow>(parquet)).Data;
        Assert.Equal(Enumerable.Range(0, 6), table.Select(row => row.number));
        Assert.Equal((string?)lines[2]["sha256"], table[2].sha256);
        Assert.Equal((14 * 14, 2f, 3, 5), (table[2].heatmap.Count, table[2].heatmap[0], table[2].logits.Count, table[2].boxes.Count));
        Assert.Equal(
            ("Failed", "unsupported-format", 0, null),
            (table[5].status, table[5].reason, table[5].heatmap.Count, table[5].probability)
        );

        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"{at}?format=xlsx"), 400, "invalid-request");
    }

    [Fact]
    public async Task Parquet_export_contains_the_map_of_every_target()
    {
        var body = new JsonObject { ["source"] = $"folder:{AddFolder("maps", 900, 1)}", ["targets"] = new JsonArray("predicted", "top:3") };
        var job = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body), 201);
        await Api.GetAsync($"/v1/jobs/{(string?)job["id"]}?wait=30");
        using var parquet = new MemoryStream(await Api.Client.GetByteArrayAsync($"/v1/jobs/{(string?)job["id"]}/export?format=parquet"));
        var row = Assert.Single((await ParquetSerializer.DeserializeAsync<ParquetRow>(parquet)).Data);
        Assert.Equal(("predicted,top:3", "blue", 14, 14), (row.target, row.target_class, row.grid_rows, row.grid_columns));
        Assert.Equal(["top:3", "top:3"], row.more_targets);
        Assert.Equal(["green", "red"], row.more_target_classes);
        // This engine looks at the same corner for every class.
        Assert.Equal([.. row.heatmap, .. row.heatmap], row.more_heatmaps);
    }

    [Theory]
    [InlineData(null, 3)]
    [InlineData(true, 3)]
    [InlineData(false, 0)]
    public async Task Embedding_is_a_column_of_the_Parquet_export_unless_the_job_leaves_it_out(bool? embedding, int width)
    {
        var body = new JsonObject { ["source"] = $"folder:{AddFolder($"embedding {embedding}", 950, 2)}" };
        if (embedding is not null)
            body["embedding"] = embedding;
        var job = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body), 201);
        Assert.Equal(embedding ?? true, (bool)job["embedding"]!);
        await Api.GetAsync($"/v1/jobs/{(string?)job["id"]}?wait=30");

        var file = await Api.Client.GetByteArrayAsync($"/v1/jobs/{(string?)job["id"]}/export?format=parquet");
        using var parquet = new MemoryStream(file);
        var export = await ParquetSerializer.DeserializeAsync<ParquetRow>(parquet);
        Assert.Equal("float16", (string?)JsonNode.Parse(export.CustomMetadata!["agcam.dtypes"])!["embedding"]);
        Assert.Equal(2, export.Data.Count);
        // The embedding of this engine is its logits; the highest class is the last.
        Assert.All(export.Data, row => Assert.Equal(row.logits.AsEnumerable().Reverse().Select(Rounded).Take(width), row.embedding));

        static float Rounded(float value) => (float)(Half)value;
    }

    [Fact]
    public async Task Parquet_export_is_read_by_another_library()
    {
        var folder = AddFolder("arrow", 960, 3);
        await File.WriteAllTextAsync(Path.Combine(folder, "z-broken.png"), "not a picture");
        var job = await CreateAsync(folder);
        var file = await Api.Client.GetByteArrayAsync($"/v1/jobs/{(string?)job["id"]}/export?format=parquet");
        using var stream = new MemoryStream(file);
        var rows = (await ParquetSerializer.DeserializeAsync<ParquetRow>(stream)).Data;

        using var arrow = new ParquetSharp.ParquetFileReader(new MemoryStream(file));
        using var group = arrow.RowGroup(0);

        Assert.Equal(4, group.MetaData.NumRows);
        Assert.Equal("float16", (string?)JsonNode.Parse(arrow.FileMetaData.KeyValueMetadata["agcam.dtypes"])!["embedding"]);
        Assert.Equal(rows.Select(row => row.number), Column<int>("number"));
        Assert.Equal(rows.Select(row => row.predicted), Column<string?>("predicted"));
        Assert.Equal(rows.Select(row => row.heatmap.ToArray()), Column<float[]>("heatmap.list.element"));
        Assert.Equal(rows.Select(row => row.logits.ToArray()), Column<float[]>("logits.list.element"));
        Assert.Equal(rows.Select(row => row.boxes.ToArray()), Column<float[]>("boxes.list.element"));
        Assert.Equal(rows.Select(row => row.embedding.ToArray()), Column<float[]>("embedding.list.element"));
        Assert.Equal([3, 3, 3, 0], Column<float[]>("embedding.list.element").Select(values => values.Length)); // a failed image has none

        T[] Column<T>(string path)
        {
            var schema = group.MetaData.Schema;
            var index = Enumerable.Range(0, schema.NumColumns).Single(i => schema.Column(i).Path.ToDotString() == path);
            using var column = group.Column(index);
            using var reader = column.LogicalReader<T>();
            return reader.ReadAll((int)group.MetaData.NumRows);
        }
    }

    [Fact]
    public async Task Unreachable_bucket_is_a_503_that_may_be_retried()
    {
        var credentials = Path.Combine(Directory.CreateTempSubdirectory("agcam-api-").FullName, "credentials");
        File.WriteAllText(credentials, "[default]\naws_access_key_id = AKIDTEST\naws_secret_access_key = secret\n");
        var unreachable = new S3Options
        {
            Buckets = ["data"],
            Endpoint = "http://127.0.0.1:9",
            PathStyle = true,
            CredentialsFile = credentials,
            Tries = 1,
        };
        await using var api = await RunningApi.StartAsync(
            worker: false,
            pipeline: options => options with { References = options.References with { S3 = unreachable } }
        );
        foreach (var path in new[] { "/v1/jobs", "/v1/jobs/dry-run" })
        {
            var answer = await api.SendJsonAsync(path, new JsonObject { ["source"] = "s3://data/pets" });
            Assert.Contains("s3://data/pets", (string)(await RunningApi.RefusedAsync(answer, 503, "source-unreachable"))["detail"]!);
            Assert.NotNull(answer.Headers.RetryAfter);
        }
        Assert.Empty((await api.GetAsync("/v1/jobs"))["items"]!.AsArray());
        Directory.Delete(Path.GetDirectoryName(credentials)!, recursive: true);
    }

    [Fact]
    public async Task Manifest_with_a_relative_base_is_refused()
    {
        Directory.CreateDirectory(Api.Folder);
        File.WriteAllText(Path.Combine(Api.Folder, "m.csv"), "path\na.png\n");
        var body = new JsonObject
        {
            ["source"] = $"manifest:{Path.Combine(Api.Folder, "m.csv")}",
            ["options"] = new JsonObject { ["base"] = "images" },
        };
        Assert.Contains(
            "base",
            (string)(await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", body), 400, "invalid-request"))["detail"]!
        );
    }

    [Theory]
    [InlineData("/v1/jobs")]
    [InlineData("/v1/jobs/dry-run")]
    public async Task Failures_of_an_unknown_job_are_refused(string path)
    {
        var unknown = Guid.NewGuid();
        var answer = await Api.SendJsonAsync(path, new JsonObject { ["source"] = $"failures:{unknown}" });
        Assert.Contains($"There is no job {unknown}", (string)(await RunningApi.RefusedAsync(answer, 400, "invalid-request"))["detail"]!);
    }

    [Theory]
    [InlineData("/v1/jobs")]
    [InlineData("/v1/jobs/dry-run")]
    public async Task Parquet_manifest_whose_footer_claims_two_gibibytes_is_refused(string path)
    {
        Directory.CreateDirectory(Api.Folder);
        var manifest = Path.Combine(Api.Folder, "claims.parquet");
        await File.WriteAllBytesAsync(manifest, [.. "PAR1"u8, .. new byte[64], .. BitConverter.GetBytes(int.MaxValue), .. "PAR1"u8]);
        var answer = await Api.SendJsonAsync(path, new JsonObject { ["source"] = $"manifest:{manifest}" });
        Assert.Contains("not a readable Parquet file", (string)(await RunningApi.RefusedAsync(answer, 400, "invalid-request"))["detail"]!);
    }

    [Fact]
    public async Task Unreadable_source_is_refused_and_creates_no_job()
    {
        Directory.CreateDirectory(Api.Folder);
        var manifest = Path.Combine(Api.Folder, "one-field.csv");
        await File.WriteAllTextAsync(manifest, "picture\na.png\n");
        var body = new JsonObject { ["source"] = $"manifest:{manifest}", ["tags"] = new JsonArray("unreadable") };
        Assert.Contains(
            "column.path",
            (string)(await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", body), 400, "invalid-request"))["detail"]!
        );
        Assert.Empty((await Api.GetAsync("/v1/jobs?tag=unreadable"))["items"]!.AsArray());
    }

    [Fact]
    public async Task Exports_contain_metadata_detail_and_the_label_with_its_probability()
    {
        var folder = AddFolder("metadata", 820, 1);
        var picture = Directory.GetFiles(folder).Single();
        var broken = Path.Combine(folder, "broken.png");
        await File.WriteAllTextAsync(broken, "not a picture");
        var manifest = Path.Combine(Api.Folder, "metadata.csv");
        await File.WriteAllTextAsync(manifest, $"path,label,site\n{picture},red,north\n{broken},purple,south\n");
        var body = new JsonObject { ["source"] = $"manifest:{manifest}" };
        var job = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body), 201);
        await Api.Client.GetStringAsync($"/v1/jobs/{(string?)job["id"]}/events"); // until it has ended
        var at = $"/v1/jobs/{(string?)job["id"]}/export";

        var item = JsonNode.Parse((await Api.Client.GetStringAsync($"{at}?format=jsonl")).Split('\n')[0])!;
        using var parquet = new MemoryStream(await Api.Client.GetByteArrayAsync($"{at}?format=parquet"));
        var rows = (await ParquetSerializer.DeserializeAsync<ParquetRow>(parquet)).Data;
        var csv = (await Api.Client.GetStringAsync($"{at}?format=csv")).TrimEnd().Split("\r\n");

        Assert.Equal("north", (string?)item["metadata"]!["site"]);
        Assert.Equal(["north", "south"], rows.Select(row => row.metadata["site"]));
        Assert.Equal(("red", "red", (float)item["labelProbability"]!), (rows[0].label, rows[0].label_class, rows[0].label_probability));
        Assert.Equal(("purple", null), (rows[1].label, rows[1].label_class));
        Assert.NotEmpty(rows[1].detail!);
        Assert.EndsWith(",time,metadata.site", csv[0]);
        Assert.EndsWith(",north", csv[1]);
        Assert.EndsWith(",south", csv[2]);
    }

    [Fact]
    public async Task Csv_export_contains_no_cell_that_a_spreadsheet_evaluates()
    {
        Directory.CreateDirectory(Api.Folder);
        var manifest = Path.Combine(Api.Folder, "formulas.csv");
        string[] labels =
        [
            "=1+1",
            " =1+1",
            "  +1",
            "cat;=1+1",
            "cat,=1+1",
            "cat\t@sum",
            "cat; -1+1",
            "cat|\"=1+1\"",
            "cat\n=1",
            "-1+1",
            "cat = dog",
            "a-b",
        ];
        await File.WriteAllTextAsync(
            manifest,
            "path,label\n" + string.Concat(labels.Select(label => $"missing.png,\"{label.Replace("\"", "\"\"")}\"\n"))
        );
        var job = await RunningApi.JsonAsync(
            await Api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"manifest:{manifest}" }),
            201
        );
        await Api.GetAsync($"/v1/jobs/{(string?)job["id"]}?wait=30");
        var csv = await Api.Client.GetStringAsync($"/v1/jobs/{(string?)job["id"]}/export?format=csv");
        string[] expected =
        [
            "'=1+1",
            "' =1+1",
            "'  +1",
            "cat;'=1+1",
            "\"cat,'=1+1\"",
            "cat\t'@sum",
            "cat;' -1+1",
            "\"cat|'\"\"=1+1\"\"\"",
            "\"cat\n'=1\"",
            "'-1+1",
            "cat = dog",
            "a-b",
        ];
        Assert.All(expected, cell => Assert.Contains($",{cell},", csv, StringComparison.Ordinal));
        Assert.Equal(labels.Length, csv.Split("\r\n").Length - 2);
    }

    [Fact]
    public async Task Event_stream_ends_when_the_process_stops()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        api.AddPicture(950);
        var job = await RunningApi.JsonAsync(
            await api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"folder:{api.Folder}" }),
            201
        );
        using var answer = await api.Client.GetAsync($"/v1/jobs/{(string?)job["id"]}/events", HttpCompletionOption.ResponseHeadersRead);
        var reading = answer.Content.ReadAsStringAsync();
        await api.App.StopAsync();
        Assert.DoesNotContain("event: ended", await reading);
    }

    private string AddFolder(string name, int first, int count)
    {
        for (var number = first; number < first + count; number++)
            Api.AddPicture(number, Path.Combine(name, $"{number}.png"));
        return Path.Combine(Api.Folder, name);
    }

    private Task<JsonNode> DoneAsync(string name, int first, int count, params string[] tags) =>
        CreateAsync(AddFolder(name, first, count), tags);

    /// <returns>The job once it has ended.</returns>
    private async Task<JsonNode> CreateAsync(string folder, params string[] tags)
    {
        var body = new JsonObject { ["source"] = $"folder:{folder}", ["tags"] = new JsonArray([.. tags.Select(tag => (JsonNode?)tag)]) };
        var job = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body), 201);
        return await Api.GetAsync($"/v1/jobs/{(string?)job["id"]}?wait=30");
    }

    private Task<HttpResponseMessage> PostAsync(string path) => Api.SendAsync(HttpMethod.Post, path);
}
