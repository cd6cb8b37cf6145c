using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using AgCam.Api.Security;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgCam.Api.Tests.Security;

public sealed class OwnershipTests
{
    private static readonly (string Key, ApiKey Entry) Anna = ApiKey.Create("anna", Scope.Submit, Scope.Read);
    private static readonly (string Key, ApiKey Entry) AnnasNext = ApiKey.Create("anna", Scope.Submit);
    private static readonly (string Key, ApiKey Entry) Ben = ApiKey.Create("ben", Scope.Submit, Scope.Read);
    private static readonly (string Key, ApiKey Entry) Root = ApiKey.Create("root", Scope.Admin);

    private static readonly ApiOptions WithKeys = new() { Keys = [Anna.Entry, AnnasNext.Entry, Ben.Entry, Root.Entry] };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>
    /// Every route that changes something, with a call that changes it. A new route fails the tests below until it is listed here.
    /// </summary>
    private static readonly IReadOnlyDictionary<string, Func<World, Task<Call>>> Calls = new Dictionary<string, Func<World, Task<Call>>>
    {
        ["POST /v1/explanations"] = world => Task.FromResult(new Call("/v1/explanations", world.Explain)),
        ["DELETE /v1/requests/{id:guid}"] = async world => new Call($"/v1/requests/{await world.RequestAsync()}", null),
        ["POST /v1/jobs"] = world => Task.FromResult(new Call("/v1/jobs", world.Submit)),
        ["POST /v1/jobs/{id:guid}/pause"] = async world => new Call($"/v1/jobs/{await world.JobAsync()}/pause", null),
        ["POST /v1/jobs/{id:guid}/resume"] = async world => new Call($"/v1/jobs/{await world.JobAsync(paused: true)}/resume", null),
        ["POST /v1/jobs/{id:guid}/cancel"] = async world => new Call($"/v1/jobs/{await world.JobAsync()}/cancel", null),
        ["POST /v1/jobs/{id:guid}/retry"] = async world => new Call($"/v1/jobs/{await world.FailedJobAsync()}/retry", null),
        ["DELETE /v1/jobs/{id:guid}"] = async world => new Call($"/v1/jobs/{await world.JobAsync()}", null),
        ["POST /v1/uploads"] = world => Task.FromResult(new Call("/v1/uploads", () => new ByteArrayContent(RunningApi.Picture(4)))),
        ["DELETE /v1/uploads/{id:guid}"] = async world => new Call($"/v1/uploads/{await world.UploadAsync()}", null),
    };

    [Fact]
    public async Task Every_route_but_GET_declares_its_change_and_is_tested_here()
    {
        await using var api = await RunningApi.StartAsync(WithKeys, worker: false);
        var declared = new List<string>();
        foreach (var (method, route, endpoint) in Routes(api))
        {
            Assert.True(endpoint.Metadata.GetMetadata<DeclaredChange>() is not null, $"{method} {route} does not declare its change");
            if (endpoint.Metadata.GetMetadata<DeclaredChange>()!.Kind is not (Change.Nothing or Change.Own))
                declared.Add($"{method} {route}");
        }
        Assert.Equal(Calls.Keys.Order(), declared.Order());
    }

    [Fact]
    public async Task Route_without_a_declared_change_refuses_every_key()
    {
        var called = false;
        await using var api = await RunningApi.StartAsync(
            WithKeys,
            worker: false,
            map: app => app.MapPost("/v1/jobs/{id:guid}/forgotten", () => called = true).Needs(Scope.Submit)
        );
        foreach (var key in new[] { Anna.Key, Root.Key })
            await RunningApi.RefusedAsync(
                await api.SendAsync(HttpMethod.Post, $"/v1/jobs/{Guid.NewGuid()}/forgotten", apiKey: key),
                403,
                "undeclared-change"
            );
        Assert.False(called);
    }

    [Fact]
    public async Task Only_the_owner_its_replacement_key_and_admin_may_change_a_resource()
    {
        await using var world = await World.StartAsync();
        foreach (var (route, call) in Calls.Where(item => item.Key.Contains("{id", StringComparison.Ordinal)))
        {
            foreach (var allowed in new[] { AnnasNext.Key, Root.Key })
            {
                var (path, _) = await call(world);
                var method = new HttpMethod(route.Split(' ')[0]);
                await RunningApi.RefusedAsync(await world.Api.SendAsync(method, path, apiKey: Ben.Key), 403, "not-owner");
                var answer = await world.Api.SendAsync(method, path, apiKey: allowed);
                Assert.True(
                    answer.IsSuccessStatusCode,
                    $"{route}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(Cancel)}"
                );
            }
        }
    }

    [Fact]
    public async Task Every_change_is_logged_once_with_key_name_route_and_id()
    {
        await using var world = await World.StartAsync();
        foreach (var (route, call) in Calls)
        {
            var (path, content) = await call(world);
            world.Audit.Clear();
            var answer = await world.Api.SendAsync(new HttpMethod(route.Split(' ')[0]), path, content?.Invoke(), apiKey: Anna.Key);
            Assert.True(answer.IsSuccessStatusCode, $"{route}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(Cancel)}");

            var id =
                route.EndsWith("}", StringComparison.Ordinal) || answer.Content.Headers.ContentLength == 0
                    ? path.Split('/')[3]
                    : (string)(await RunningApi.JsonAsync(answer, (int)answer.StatusCode))["id"]!;
            var line = Assert.Single(world.Audit);
            Assert.Equal($"anna called {route} and changed {id}", line);
        }
    }

    [Fact]
    public async Task Bulk_deletion_deletes_the_callers_jobs_or_all_for_admin_and_logs_each()
    {
        await using var world = await World.StartAsync();
        Guid[] jobs = [await world.JobAsync(), await world.JobAsync()];
        foreach (var job in jobs)
            Assert.True(await world.Api.Store.Jobs.CancelAsync(job, cancellationToken: Cancel));
        world.Audit.Clear();
        async Task<JsonNode> DeleteAsync(string key, string more = "") =>
            await RunningApi.JsonAsync(await world.Api.SendAsync(HttpMethod.Delete, $"/v1/jobs?before=2100-01-01{more}", apiKey: key), 200);

        Assert.Equal(0, (int)(await DeleteAsync(Ben.Key, "&dryRun=true"))["jobs"]!);
        Assert.Equal("""{"dryRun":false,"jobs":0,"images":0,"remaining":0}""", (await DeleteAsync(Ben.Key)).ToJsonString());
        Assert.Empty(world.Audit);
        Assert.Equal((1, 1), await DeletedAsync(Anna.Key, "&limit=1"));
        Assert.Equal((1, 0), await DeletedAsync(Root.Key));
        string[] lines = [$"anna called DELETE /v1/jobs and changed {jobs[0]}", $"root called DELETE /v1/jobs and changed {jobs[1]}"];
        Assert.Equal(lines, world.Audit);

        async Task<(int Jobs, int Remaining)> DeletedAsync(string key, string more = "")
        {
            var answer = await DeleteAsync(key, more);
            return ((int)answer["jobs"]!, (int)answer["remaining"]!);
        }
    }

    [Fact]
    public async Task Refusal_is_logged_and_changes_nothing()
    {
        await using var world = await World.StartAsync();
        var job = await world.JobAsync();
        world.Audit.Clear();
        await RunningApi.RefusedAsync(
            await world.Api.SendAsync(HttpMethod.Post, $"/v1/jobs/{job}/cancel", apiKey: Ben.Key),
            403,
            "not-owner"
        );
        Assert.Equal([$"ben was refused POST /v1/jobs/{{id:guid}}/cancel: another key created {job}"], world.Audit);
        Assert.NotEqual("Cancelled", (string?)(await world.GetAsync($"/v1/jobs/{job}"))["state"]);
    }

    [Fact]
    public async Task Upload_may_be_used_by_its_owner_and_by_admin()
    {
        await using var world = await World.StartAsync();
        var upload = await world.UploadAsync();
        Task<HttpResponseMessage> UseAsync(string key) =>
            world.Api.SendAsync(
                HttpMethod.Post,
                "/v1/explanations",
                new StringContent($$"""{"uri": "{{upload}}"}""", null, "application/json"),
                apiKey: key
            );

        await RunningApi.RefusedAsync(await UseAsync(Ben.Key), 403, "not-owner");
        await RunningApi.JsonAsync(await UseAsync(AnnasNext.Key), 202);
        await RunningApi.JsonAsync(await UseAsync(Root.Key), 202);
        Assert.Equal("anna", (string?)(await world.GetAsync($"/v1/uploads/{upload}"))["owner"]);
    }

    [Fact]
    public async Task Job_shows_its_owner_and_a_retry_has_the_owner_of_its_parent()
    {
        await using var world = await World.StartAsync();
        var job = await world.FailedJobAsync();
        var child = await RunningApi.JsonAsync(await world.Api.SendAsync(HttpMethod.Post, $"/v1/jobs/{job}/retry", apiKey: Root.Key), 201);
        Assert.Equal("anna", (string?)child["owner"]);
        var listed = (await world.GetAsync("/v1/jobs"))["items"]!.AsArray();
        Assert.Equal([(string?)child["id"], $"{job}"], listed.Select(item => (string?)item!["id"]));
        Assert.All(listed, item => Assert.Equal("anna", (string?)item!["owner"]));
        await RunningApi.RefusedAsync(
            await world.Api.SendAsync(HttpMethod.Delete, $"/v1/jobs/{(string?)child["id"]}", apiKey: Ben.Key),
            403,
            "not-owner"
        );
    }

    [Fact]
    public async Task Request_from_the_broker_may_be_changed_by_admin_only()
    {
        await using var world = await World.StartAsync();
        var request = new ExplainImages
        {
            Key = "from a producer",
            Model = await world.ModelAsync(),
            References = [new ImageReference { Uri = "/x.png" }],
        };
        await world.Api.Store.Chunks.LeaseAsync(request, "worker", TimeSpan.FromMinutes(1), cancellationToken: Cancel);
        await RunningApi.RefusedAsync(
            await world.Api.SendAsync(HttpMethod.Delete, $"/v1/requests/{request.Owner}", apiKey: Anna.Key),
            403,
            "not-owner"
        );
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await world.Api.SendAsync(HttpMethod.Delete, $"/v1/requests/{request.Owner}", apiKey: Root.Key)).StatusCode
        );
    }

    [Fact]
    public async Task Without_keys_every_job_may_be_changed()
    {
        await using var api = await RunningApi.StartAsync(worker: false);
        api.AddPicture(1);
        var spec = new Pipeline.Records.JobSpec
        {
            Source = $"folder:{api.Folder}",
            Model = new ModelPin { Id = "corner", Sha256 = Digest.Of([1]) },
            Owner = "anna",
        };
        var hers = (await api.Store.Jobs.CreateAsync(spec, cancellationToken: Cancel)).Job.Id;
        Assert.Equal(HttpStatusCode.NoContent, (await api.Client.DeleteAsync($"/v1/jobs/{hers}", Cancel)).StatusCode);
        var job = await RunningApi.JsonAsync(
            await api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"folder:{api.Folder}" }),
            201
        );
        Assert.Null(job["owner"]);
        Assert.Equal(HttpStatusCode.NoContent, (await api.Client.DeleteAsync($"/v1/jobs/{(string?)job["id"]}", Cancel)).StatusCode);
    }

    [Fact]
    public async Task Route_of_jobs_does_not_change_a_request_nor_the_reverse()
    {
        await using var world = await World.StartAsync();
        var (job, request) = (await world.JobAsync(), await world.RequestAsync());
        foreach (var key in new[] { Anna.Key, Root.Key })
        {
            await RunningApi.RefusedAsync(
                await world.Api.SendAsync(HttpMethod.Delete, $"/v1/jobs/{request}", apiKey: key),
                404,
                "not-found"
            );
            await RunningApi.RefusedAsync(
                await world.Api.SendAsync(HttpMethod.Delete, $"/v1/requests/{job}", apiKey: key),
                404,
                "not-found"
            );
        }
        await RunningApi.RefusedAsync(await world.Api.SendAsync(HttpMethod.Get, $"/v1/requests/{job}", apiKey: Anna.Key), 404, "not-found");
        Assert.NotNull(await world.Api.Store.Jobs.FindAsync(job, Cancel));
        Assert.NotNull(await world.Api.Store.Chunks.FindAsync(request, 0, Cancel));
    }

    private static IEnumerable<(string Method, string Route, RouteEndpoint Endpoint)> Routes(RunningApi api) =>
        from endpoint in api.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        from method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? []
        where method is not ("GET" or "HEAD")
        select (method, endpoint.RoutePattern.RawText!.TrimEnd('/'), endpoint);

    private sealed record Call(string Path, Func<HttpContent>? Content);

    /// <summary>API without a worker, with resources that anna creates.</summary>
    private sealed class World(RunningApi api, ConcurrentQueue<string> audit) : IAsyncDisposable
    {
        private int _made;

        public RunningApi Api => api;

        public ConcurrentQueue<string> Audit => audit;

        public static async Task<World> StartAsync()
        {
            var audit = new ConcurrentQueue<string>();
            return new World(
                await RunningApi.StartAsync(
                    WithKeys,
                    worker: false,
                    configure: builder => builder.Logging.AddProvider(new AuditLog(audit))
                ),
                audit
            );
        }

        public HttpContent Explain() => Json(new JsonObject { ["uri"] = api.AddPicture(++_made) });

        public HttpContent Submit()
        {
            api.AddPicture(1, $"{++_made}/1.png");
            return Json(new JsonObject { ["source"] = $"folder:{Path.Combine(api.Folder, $"{_made}")}" });
        }

        public async Task<Guid> RequestAsync() => await MadeAsync("/v1/explanations", Explain(), 202);

        public async Task<Guid> UploadAsync() => await MadeAsync("/v1/uploads", new ByteArrayContent(RunningApi.Picture(++_made)), 201);

        public async Task<Guid> JobAsync(bool paused = false)
        {
            var id = await MadeAsync("/v1/jobs", Submit(), 201);
            if (paused)
                Assert.True(await api.Store.Jobs.PauseAsync(id, "by the test", Cancel));
            return id;
        }

        /// <summary>Creates a job that has ended with one failed image.</summary>
        public async Task<Guid> FailedJobAsync()
        {
            var id = await JobAsync();
            await Eventually.TrueAsync(async () => (await api.Store.Jobs.FindAsync(id, Cancel))!.Chunks is not null);
            await Eventually.TrueAsync(async () =>
            {
                var chunk = (await api.Store.Chunks.FindAsync(id, 0, Cancel))!;
                var message = new ExplainImages
                {
                    Key = "any",
                    JobId = id,
                    PublishCount = chunk.PublishCount,
                    Generation = chunk.Generation,
                    Model = await ModelAsync(),
                    References = chunk.References,
                };
                var answer = await api.Store.Chunks.LeaseAsync(message, "worker", TimeSpan.FromMinutes(1), cancellationToken: Cancel);
                if (answer.Lease is { } lease)
                {
                    var item = new Pipeline.Records.Item
                    {
                        Job = id,
                        Number = 0,
                        Status = Pipeline.Records.ItemStatus.Failed,
                        Reason = "corrupt",
                        Detail = "It is broken.",
                        Kind = ReferenceKind.File,
                        Uri = chunk.References[0].Uri,
                        Model = "corner",
                        Time = DateTimeOffset.UtcNow,
                    };
                    await api.Store.Chunks.SaveAsync([new ChunkResult(lease, [], [item])], Cancel);
                }
                return answer.Lease is not null;
            });
            return id;
        }

        public async Task<ModelPin> ModelAsync() =>
            await api.App.Services.GetRequiredService<Pipeline.Jobs.ModelCatalog>().PinAsync("corner", Cancel);

        public async Task<JsonNode> GetAsync(string path) =>
            await RunningApi.JsonAsync(await api.SendAsync(HttpMethod.Get, path, apiKey: Anna.Key), 200);

        public ValueTask DisposeAsync() => api.DisposeAsync();

        private async Task<Guid> MadeAsync(string path, HttpContent content, int status) =>
            (Guid)(await RunningApi.JsonAsync(await api.SendAsync(HttpMethod.Post, path, content, apiKey: Anna.Key), status))["id"]!;

        private static StringContent Json(JsonNode body) => new(body.ToJsonString(), null, "application/json");
    }

    private sealed class AuditLog(ConcurrentQueue<string> lines) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => new Category(categoryName == Ownership.Category ? lines : null);

        public void Dispose() { }

        private sealed class Category(ConcurrentQueue<string>? lines) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

            public void Log<TState>(
                LogLevel logLevel,
                EventId eventId,
                TState state,
                Exception? exception,
                Func<TState, Exception?, string> formatter
            ) => lines?.Enqueue(formatter(state, exception));
        }
    }
}
