using System.Net.Http.Json;
using System.Text.Json.Nodes;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.TestHost.Faults;

/// <summary>Runs one job through API, broker, workers and store while each of them is killed, restarted or stopped.</summary>
internal sealed class FaultRun(FaultOptions options, FaultPipeline pipeline, FaultLog log) : IAsyncDisposable
{
    private const string Key = "job submitted twice";

    /// <summary>Method and targets of the job and of the request.</summary>
    public static readonly string[] Targets = ["predicted", "top:2"];

    private static readonly string[] Points = [Death.BeforeCompute, Death.AfterCompute, Death.MidWrite, Death.AfterWrite, Death.Draining];

    private readonly Random _random = new(options.Seed);
    private readonly IStore _store = pipeline.Open(pipeline.Database);
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(60) };
    private Guid _job;

    /// <returns>The completed job, and the number of images that the API had accepted.</returns>
    public async Task<AcceptedJob> RunAsync()
    {
        // Submitted to a replica that dies while it plans, and then, under the same key, to two others.
        var dying = await pipeline.Start("api", $"kill={Death.Planning}:{Math.Max(2, options.Images / 64 / 16 / 2)}").ReadyAsync();
        await TrySubmitAsync(dying);
        await MustDieAsync("an API replica while planning", dying);
        var (first, second) = (await pipeline.Start("api").ReadyAsync(), await pipeline.Start("api").ReadyAsync());
        _job = await SubmitAsync(first);
        if (await SubmitAsync(second) != _job)
            log.IsUnexpected("the same key made two jobs");

        var keys = new KeyReuse(pipeline, _http, log, Key, _job);
        await keys.RequestAsync(first);

        var steady = await pipeline.Start("worker", $"slow={options.SlowMilliseconds}").ReadyAsync();
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var point in Points.OrderBy(_ => _random.Next()).ToList())
                await KillAtAsync(point);
            await FreezeAsync();
            await FaultAsync("the bulk queue purged and unbound", UnbindAsync);
            await keys.ReuseAsync(second);
            var hard = round % 2 == 1 || options.Rounds == 1;
            if (round != 1)
                await FaultAsync(
                    hard ? "the broker killed and started again" : "the broker restarted",
                    () => pipeline.RestartBrokerAsync(hard)
                );
            if (round != 0 || options.Rounds == 1)
                await FaultAsync(
                    $"the store {(hard ? "killed" : "stopped")} for {options.OutageSeconds} s",
                    () => pipeline.StopStoreForAsync(TimeSpan.FromSeconds(options.OutageSeconds), hard)
                );
        }
        if (await SubmitAsync(second) != _job)
            log.IsUnexpected("the same key made another job");

        var helping = await pipeline.Start("worker").ReadyAsync();
        log.Say("no more faults: waiting for the end");
        await CompletesAsync();
        await keys.ReuseAsync(first);
        var request = await keys.ResultAsync(first);
        var export = await _http.GetStringAsync(new Uri(first.Address, $"/v1/jobs/{_job}/export?format=jsonl"));
        var shown = await _http.GetFromJsonAsync<JsonNode>(new Uri(second.Address, $"/v1/jobs/{_job}"));
        foreach (
            var (name, process) in new[]
            {
                ("an API replica", first),
                ("the other API replica", second),
                ("the steady worker", steady),
                ("the helping worker", helping),
            }
        )
            await pipeline.StopAsync(name, process);
        return new AcceptedJob(_job, (int)shown!["images"]!, export, request);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _store.DisposeAsync();
    }

    /// <summary>Starts a second worker that dies at the point.</summary>
    private async Task KillAtAsync(string point)
    {
        await MustRunAsync(point);
        if (point == Death.Draining)
        {
            for (var attempt = 0; attempt < 3; attempt++)
            {
                var draining = await (await pipeline.Start("worker", $"kill={point}:1", "drain=0", "slow=100").ReadyAsync()).SaysAsync(
                    MortalStore.HasLease,
                    120
                );
                draining.AskToStop();
                if (await draining.DiesAsync(90) && draining.ExitCode == HostProcess.Killed)
                {
                    log.Killed("a worker while draining");
                    return;
                }
            }
            log.IsUnexpected("three workers were asked to stop and none had an unfinished chunk");
            return;
        }
        var times = point == Death.MidWrite || point == Death.AfterWrite ? _random.Next(1, 3) : _random.Next(1, 6);
        await MustDieAsync($"a worker: {point}, the {times}. time", pipeline.Start("worker", $"kill={point}:{times}"));
    }

    private async Task MustDieAsync(string what, HostProcess process)
    {
        if (await process.DiesAsync(900) && process.ExitCode == HostProcess.Killed)
            log.Killed(what);
        else
            log.IsUnexpected($"{what}: it {(process.HasExited ? $"ended with {process.ExitCode}" : "did not die")}: {process.Said}");
    }

    /// <summary>
    /// Stops a second worker with a leased chunk until the lease has expired. Then continues it: it must not store the chunk, and works on
    /// like any other worker.
    /// </summary>
    private async Task FreezeAsync()
    {
        const string what = "a worker frozen for longer than its lease";
        await MustRunAsync(what);
        var frozen = await (await pipeline.Start("worker", "slow=100").ReadyAsync()).SaysAsync(MortalStore.HasLease, 120);
        List<int> held = [];
        for (var attempt = 0; attempt < 20; attempt++)
        {
            frozen.Freeze();
            held = await HeldByAsync(frozen);
            if (held.Count > 0)
                break;
            frozen.Continue();
            await Task.Delay(100);
        }
        if (held.Count == 0)
        {
            log.IsUnexpected($"{what}: it had leased no chunk: {frozen.Said}");
            return;
        }
        var startedAt = TimeProvider.System.GetTimestamp();
        for (var until = DateTime.UtcNow.AddSeconds(120); (await HeldByAsync(frozen)).Count > 0; await Task.Delay(200))
            if (DateTime.UtcNow > until)
            {
                log.IsUnexpected($"{what}: chunks {string.Join(", ", held)} are still leased to it");
                break;
            }
        await Task.Delay(TimeSpan.FromSeconds(5)); // time for another worker to compute the chunk
        var seconds = TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds;
        frozen.Continue();
        await Task.Delay(TimeSpan.FromSeconds(5));
        await pipeline.StopAsync("the worker that was frozen", frozen);
        log.Say($"a worker was frozen for {seconds:0} s with chunks {string.Join(", ", held)}");
    }

    private async Task<List<int>> HeldByAsync(HostProcess worker)
    {
        var held = new List<int>();
        for (var number = 0; await _store.Chunks.FindAsync(_job, number) is { } chunk; number++)
            if (chunk.State == ChunkState.Leased && chunk.Worker == worker.WorkerName)
                held.Add(number);
        return held;
    }

    /// <summary>Removes a binding: the exchange then drops messages. The API must notice and declare the binding again.</summary>
    private async Task UnbindAsync()
    {
        var purged = await pipeline.UnbindAndPurgeAsync();
        var startedAt = TimeProvider.System.GetTimestamp();
        while (await pipeline.MissingAtBrokerAsync() is { Count: > 0 } missing)
        {
            if (TimeProvider.System.GetElapsedTime(startedAt) > TimeSpan.FromMinutes(2))
            {
                log.IsUnexpected($"two minutes after a binding was removed the broker lacks: {string.Join(" ", missing)}");
                return;
            }
            await Task.Delay(200);
        }
        log.Say($"{purged} messages purged; the binding was back after {TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds:0.0} s");
    }

    /// <summary>Injects a fault into a service and waits until chunks complete again.</summary>
    private async Task FaultAsync(string what, Func<Task> fault)
    {
        await MustRunAsync(what);
        await fault();
        var then = await JobAsync();
        for (
            var until = DateTime.UtcNow.AddSeconds(600);
            (await JobAsync()).Progress.ChunksDone <= then.Progress.ChunksDone;
            await Task.Delay(200)
        )
            if (DateTime.UtcNow > until)
            {
                log.IsUnexpected($"nothing was done for ten minutes after {what}");
                return;
            }
        log.Say($"{what}; work goes on at {then.Progress.Completed} of {options.Images}");
    }

    private async Task MustRunAsync(string before)
    {
        if (await JobAsync() is { State: not JobState.Running } job)
            log.IsUnexpected($"the job was {job.State} before \"{before}\": make it longer (images, slow)");
    }

    private async Task CompletesAsync()
    {
        var (done, changed) = (-1, DateTime.UtcNow);
        while (await JobAsync() is { State: not JobState.Completed } job)
        {
            if (job.State != JobState.Running)
                throw new InvalidOperationException($"The job is {job.State}: {job.Reason}");
            if (job.Progress.ChunksDone != done)
                (done, changed) = (job.Progress.ChunksDone, DateTime.UtcNow);
            if (DateTime.UtcNow - changed > TimeSpan.FromMinutes(10))
            {
                log.IsUnexpected($"nothing has been done for ten minutes, at {job.Progress}");
                return;
            }
            await Task.Delay(200);
        }
        log.Say("the job is complete");
    }

    private async Task<Job> JobAsync()
    {
        for (var until = DateTime.UtcNow.AddSeconds(120); ; await Task.Delay(200))
            try
            {
                return await _store.Jobs.FindAsync(_job) ?? throw new InvalidOperationException($"Job {_job} is gone.");
            }
            catch (StoreUnavailableException) when (DateTime.UtcNow < until) { }
    }

    private async Task<Guid> SubmitAsync(HostProcess api)
    {
        using var answer = await PostAsync(api);
        var body = await answer.Content.ReadAsStringAsync();
        log.Say($"submitted: {(int)answer.StatusCode}");
        return answer.IsSuccessStatusCode
            ? (Guid)JsonNode.Parse(body)!["id"]!
            : throw new InvalidOperationException($"The job was refused: {body}");
    }

    /// <summary>Submits without an answer if the replica dies.</summary>
    private async Task TrySubmitAsync(HostProcess api)
    {
        try
        {
            using var answer = await PostAsync(api);
            log.Say($"submitted: {(int)answer.StatusCode}");
        }
        catch (HttpRequestException e)
        {
            log.Say($"handed in, and no answer came: {e.Message}");
        }
    }

    private Task<HttpResponseMessage> PostAsync(HostProcess api)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(api.Address, "/v1/jobs"))
        {
            Content = JsonContent.Create(
                new
                {
                    source = $"classes:{pipeline.Pictures}",
                    model = Roles.Model,
                    targets = Targets,
                }
            ),
        };
        request.Headers.Add("Idempotency-Key", Key);
        return _http.SendAsync(request);
    }
}

/// <param name="Images">Number of images according to the API.</param>
/// <param name="Export">Export of the job as JSON lines.</param>
/// <param name="Request">Request for one image that was sent during the job.</param>
internal sealed record AcceptedJob(Guid Id, int Images, string Export, Guid Request);
