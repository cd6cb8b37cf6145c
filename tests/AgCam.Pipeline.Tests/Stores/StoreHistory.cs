using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Documents;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>
/// Plays a history on a store and records every answer. A history is a list of numbers. Each number picks a call and its arguments,
/// among the results of earlier calls. Two stores that keep the contract give the same answers.
/// </summary>
internal sealed class StoreHistory(IStore store, FakeClock clock)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly string[] Keys = ["alpha", "beta", "gamma", "delta"];
    private static readonly Guid[] Owners = [RequestId.Of("alpha"), RequestId.Of("beta"), RequestId.Of("gamma"), RequestId.Of("delta")];

    private readonly List<ExplainImages> _messages = [Some.Request("gamma", 2), Some.Request("delta"), Some.Request("alpha")];
    private readonly List<(ChunkLease Lease, Chunk Chunk)> _leases = [];
    private readonly List<AuditLease> _audits = [];

    public List<string> Answers { get; } = [];

    public async Task PlayAsync(IEnumerable<int> history)
    {
        // A job with chunks to start with, so that short histories reach leases and saves.
        await StepAsync(0, 0);
        await StepAsync(1, 4);
        foreach (var number in history)
            await StepAsync(number & 31, number >> 5 & 0xFFFF);
        await AuditAsync();
    }

    private async Task StepAsync(int kind, int pick)
    {
        var (key, job) = (Keys[pick % 2], Owners[pick % 2]);
        switch (kind)
        {
            case 0:
                await NoteAsync("create", async () => await store.Jobs.CreateAsync(SpecOf(pick, key), KeyOf(pick)));
                break;
            case 1:
                Note("add", await AddAsync(job, 1 + pick / 2 % 3, 1 + pick / 6 % 3));
                break;
            case 2:
                Note("finish", await store.Jobs.FinishPlanningAsync(job));
                break;
            case 3:
                Note("pause", await store.Jobs.PauseAsync(job, $"reason {pick % 3}"));
                break;
            case 4:
                Note("check failure rate", await store.Jobs.CheckFailureRateAsync(job, pick % 3 == 0 ? "too many" : null));
                break;
            case 5:
                Note("resume", await store.Jobs.ResumeAsync(job));
                break;
            case 6 when pick % 8 < 2:
                Note("cancel", await store.Jobs.CancelAsync(job, pick % 3 == 0 ? null : "enough"));
                break;
            case 6:
                await LeaseAuditAsync(job, pick);
                break;
            case 7 when pick % 4 == 0:
                Note("delete", await store.Jobs.DeleteAsync(Owners[pick / 4 % 4]));
                break;
            case 7 when _audits.Count > 0:
                await ContinueAuditAsync(_audits[^(1 + pick / 24 % Math.Min(_audits.Count, 3))], pick / 4);
                break;
            case 8 or 9 or 10 or 11:
                Note("claim planned", Remember(await store.Chunks.ClaimPlannedAsync(job, 1 + pick / 2 % 4, 2 * Minute)));
                break;
            case 12:
                Note("requeue expired", Remember(await store.Chunks.RequeueExpiredAsync(2 * Minute, 1000, all: pick % 5 == 0)));
                break;
            case 13:
                await NoteAsync("accept", async () => Remember([await AcceptAsync(pick)]));
                break;
            case 14 or 15 or 16 or 17 or 18:
                Note("lease", Remember(await LeaseAsync(pick)));
                break;
            case 19 when Lease(pick) is { } held:
                Note("heartbeat", await store.Chunks.HeartbeatAsync(held.Lease, 2 * Minute));
                break;
            case 20 when Lease(pick) is { } held:
                Note("release", await store.Chunks.ReleaseAsync(held.Lease, Minute, faulted: pick % 3 == 0));
                break;
            case 21 when Lease(pick) is { } held:
                Note("begin isolated", await store.Chunks.BeginIsolatedAsync(held.Lease, held.Chunk.References[0].Number));
                break;
            case 22 when Lease(pick) is { } held:
                await store.Chunks.EndIsolatedAsync(held.Lease, held.Chunk.References[0].Number);
                break;
            case 23 or 24 or 25 or 26 when Lease(pick) is { } held:
                Note("save", await store.Chunks.SaveAsync([await ResultAsync(held, pick)]));
                break;
            case 27:
                clock.Advance(pick % 3 * Minute);
                break;
            case 28:
                Note("prune", await store.Explanations.PruneAsync(2 * Minute, Minute, null, 1000));
                break;
            case 29 when pick % 8 == 1:
                Note("rows", await store.Rows.PageAsync(Owners[pick / 8 % 4], pick / 32 % 3, 1 + pick / 96 % 3));
                break;
            case 29 when pick % 4 == 3:
                Note("known", await KnownAsync());
                break;
            case 29:
                Note("list", await ListAsync(pick));
                break;
            case 30 when pick % 8 == 7:
                Note("delete forgotten", await store.Items.DeleteForgottenAsync(Owners, pick / 8 % 4 * Minute));
                break;
            case 30:
                Note("forget", await store.Chunks.ForgetRequestsAsync(pick % 4 * Minute));
                break;
            case 31:
                await OtherAsync(job, pick);
                break;
        }
    }

    private async Task<PlanTail?> AddAsync(Guid job, params int[] sizes)
    {
        var tail = await store.Jobs.PlanTailAsync(job);
        var chunks = new List<IReadOnlyList<ImageReference>>();
        foreach (var size in sizes)
            chunks.Add(Some.References(tail.NextImage + chunks.Sum(chunk => chunk.Count), size));
        return await store.Jobs.AddChunksAsync(job, tail, chunks);
    }

    private Task<Chunk> AcceptAsync(int pick) => store.Chunks.AcceptAsync(RequestOf(pick), Minute, OwnerOf(pick));

    private static JobSpec SpecOf(int pick, string key) =>
        Some.Spec($"folder:/{pick / 2 % 4 / 3}", "a", key) with
        {
            Owner = OwnerOf(pick),
            Audit = pick / 2 % 2 == 1 ? new AuditSpec() : null,
        };

    private static string? OwnerOf(int pick) => pick % 3 == 0 ? null : $"key {pick % 3}";

    /// <summary>Returns mostly one of two keys, sometimes a key that requests use.</summary>
    private static string KeyOf(int pick) => Keys[pick % 2 + (pick / 8 % 8 == 7 ? 2 : 0)];

    /// <summary>Returns mostly one of two requests, sometimes a different one under its key or under a job's key.</summary>
    private static ExplainImages RequestOf(int pick) =>
        (pick / 2 % 8) switch
        {
            6 => Some.Request(Keys[2 + pick % 2], 3),
            7 => Some.Request(Keys[pick % 2]),
            _ => pick % 2 == 0 ? Some.Request("gamma", 2) : Some.Request("delta"),
        };

    private Task<LeaseAnswer> LeaseAsync(int pick) =>
        store.Chunks.LeaseAsync(
            _messages[^(1 + pick / 8 % Math.Min(_messages.Count, 6))],
            $"worker {pick % 3}",
            Minute,
            redelivered: pick % 8 < 2
        );

    /// <summary>Returns the result of an evaluation: rows, and items without explanations.</summary>
    private ChunkResult Measured((ChunkLease Lease, Chunk Chunk) held, int pick) =>
        new(
            held.Lease,
            [],
            [
                .. held.Chunk.References.Select(reference =>
                    (pick + reference.Number) % 5 == 0
                        ? Some.Failure(held.Chunk.Owner, reference.Number, clock.Now(), "no-label")
                        : Some.Item(held.Chunk.Owner, reference.Number, clock.Now(), null, label: "cat") with
                        {
                            Explanation = null,
                        }
                ),
            ]
        )
        {
            Rows = ChunkRows.Of(
                held.Lease.Number,
                pick % 4 == 0 ? null : "header",
                held.Chunk.References.Select(reference => $"row {reference.Number} of {pick % 2}")
            ),
        };

    private async Task<ChunkResult> ResultAsync((ChunkLease Lease, Chunk Chunk) held, int pick)
    {
        if (pick % 6 == 5)
            return Measured(held, pick);
        var explanations = new List<StoredExplanation>();
        var items = new List<Item>();
        foreach (var reference in held.Chunk.References)
        {
            var seed = (reference.Number + pick) % 7;
            if ((pick + reference.Number) % 5 == 0)
            {
                items.Add(Some.Failure(held.Chunk.Owner, reference.Number, clock.Now()));
                continue;
            }
            var explanation = Some.Explanation(seed);
            if (pick % 2 == 0 || (await store.Explanations.PinAsync([explanation.Id])).Count == 0)
                explanations.Add(explanation);
            items.Add(
                Some.Item(
                    held.Chunk.Owner,
                    reference.Number,
                    clock.Now(),
                    explanation.Id,
                    probability: seed / 8f,
                    label: pick % 3 == 0 ? null : "cat"
                ) with
                {
                    Stamp = pick % 4 == 0 ? null : $"{pick % 2}",
                }
            );
        }
        return new ChunkResult(held.Lease, explanations, items)
        {
            Unread = pick % 5 == 0 ? items.Select(item => item.Number).ToHashSet() : [],
        };
    }

    private async Task<object> KnownAsync()
    {
        var sources = Enumerable
            .Range(0, 6)
            .SelectMany(number =>
                new[] { "0", "1", "2" }.Select(stamp => new SourceStamp(ReferenceKind.File, $"/data/pets/{number}.jpg", stamp))
            );
        return (await store.Items.KnownAsync([.. sources]))
            .OrderBy(known => $"{known.Key}")
            .Select(known => $"{known.Key} {known.Value}")
            .ToList();
    }

    private async Task<object> ListAsync(int pick)
    {
        var job = Owners[pick % 4];
        var query = (pick / 4 % 11) switch
        {
            0 => new ItemQuery { Job = job, Status = ItemStatus.Failed },
            1 => new ItemQuery { Job = job, Sort = ItemSort.Probability },
            2 => new ItemQuery { Job = job, Predicted = "cat" },
            3 => new ItemQuery { Job = job, Correct = pick % 8 < 4 },
            4 => new ItemQuery
            {
                Job = job,
                Label = "cat",
                Predicted = "dog",
            },
            5 => new ItemQuery { Model = Some.Model.Id, Predicted = "cat" },
            6 => new ItemQuery { Explanation = Some.Explanation(pick % 7).Id },
            7 => new ItemQuery(),
            8 => new ItemQuery { Job = job, Sort = ItemSort.LabelProbability },
            9 => new ItemQuery { Job = job, LabelClass = "cat" },
            _ => new ItemQuery { Job = job },
        };
        query = query with { Descending = pick / 36 % 2 == 1, Limit = 1 + pick / 72 % 4 };
        var items = await store.Items.AllAsync(query).ToListAsync();
        // The order of ties across jobs is the store's choice.
        return query.Job is null ? items.OrderBy(item => item.Job).ThenBy(item => item.Number) : items;
    }

    private async Task OtherAsync(Guid job, int pick)
    {
        switch (pick / 2 % 8)
        {
            case 7:
                var ended = new EndedJobsQuery { Before = clock.Now() - pick / 16 % 3 * Minute, Tag = pick / 48 % 3 == 0 ? "beta" : null };
                Note("ended", (await store.Jobs.EndedAsync(ended)).OrderBy(item => item.Id));
                Note("count ended", await store.Jobs.CountEndedAsync(ended));
                break;
            case 0:
                Note("lease planning", await store.Jobs.LeasePlanningAsync(job, $"planner {pick % 3}", Minute));
                break;
            case 1:
                Note("unplanned", (await store.Jobs.UnplannedAsync()).Order());
                break;
            case 2:
                Note("pending notifications", (await store.Jobs.PendingNotificationsAsync()).OrderBy(item => item.Id));
                break;
            case 3 when pick % 3 == 0:
                await store.Jobs.MarkEventPublishedAsync(job);
                break;
            case 3:
                await store.Jobs.MarkNotifiedAsync(job);
                break;
            case 4:
                Note("repair", await store.RepairAsync());
                break;
            case 6:
                Note("lease notification", await store.Jobs.LeaseNotificationAsync(job, $"notifier {pick % 3}", pick % 4 * Minute));
                break;
            case 5:
                Note("jobs", (await store.Jobs.PageAsync(JobsOf(pick))).Jobs);
                break;
        }
    }

    private async Task LeaseAuditAsync(Guid job, int pick)
    {
        var due = await store.Audits.DueAsync();
        Note("due audits", due.Order());
        var lease = await store.Audits.LeaseAsync(due.Count == 0 ? job : due.Min(), $"auditor {pick % 3}", Minute);
        Note("lease audit", lease);
        if (lease is not null)
            _audits.Add(lease);
    }

    private async Task ContinueAuditAsync(AuditLease held, int pick)
    {
        switch (pick % 6)
        {
            case 0:
                Note("extend audit", await store.Audits.ExtendAsync(held, Minute));
                break;
            case 1:
                await store.Audits.ReleaseAsync(held, faulted: pick % 4 == 1);
                break;
            default:
                var findings = Enumerable.Range(0, 5).Select(number => Some.Finding(number, pick));
                Note("add findings", await store.Audits.AddAsync(held, [.. findings]));
                if (pick % 6 > 2)
                    Note("complete audit", await store.Audits.CompleteAsync(held, [(byte)(pick % 7)]));
                await store.Audits.ReleaseAsync(held); // a second call of Add would repeat the numbers
                break;
        }
    }

    private static JobQuery JobsOf(int pick) =>
        new()
        {
            Tag = pick % 5 == 0 ? "beta" : null,
            State = pick % 7 == 0 ? JobState.Paused : null,
            Owner = pick % 4 == 0 ? "key 1" : null,
        };

    /// <summary>Reads everything at the end.</summary>
    private async Task AuditAsync()
    {
        foreach (var owner in Owners)
        {
            var job = await store.Jobs.FindAsync(owner);
            var recount = await store.Items.RecountAsync(owner);
            Note("job", job);
            Note("claim", await store.Chunks.FindClaimAsync(owner));
            Note("recount", recount);
            if (job is not null && job.Progress != recount)
                throw new InvalidOperationException($"{store.Kind}: the job has the progress {job.Progress}, its items give {recount}.");
            for (var number = 0; await store.Chunks.FindAsync(owner, number) is { } chunk; number++)
                Note("chunk", chunk);
            Note("rows", await store.Rows.PageAsync(owner, 1, 2));
            Note("report", await store.Audits.ReportAsync(owner));
            Note("findings", (await store.Audits.PageAsync(new FindingQuery { Job = owner, Limit = 3 })).Findings);
            Note("findings", (await store.Audits.PageAsync(new FindingQuery { Job = owner, Finding = "label" })).Findings);
            Note("items", await store.Items.AllAsync(new ItemQuery { Job = owner, Limit = 3 }).ToListAsync());
        }
        var explanations = await store.Explanations.FindAsync([.. Enumerable.Range(0, 7).Select(seed => Some.Explanation(seed).Id)]);
        foreach (var explanation in explanations.OrderBy(item => item.Id))
            Note("explanation", Convert.ToHexString(ExplanationDocument.Encode(explanation)));
        Note("count ended", await store.Jobs.CountEndedAsync(new EndedJobsQuery { Before = clock.Now() + Minute }));
        Note("delete", await store.Jobs.DeleteAsync(Owners[0]));
        for (var i = 0; i < 3; i++)
        {
            clock.Advance(3 * Minute);
            Note("prune", await store.Explanations.PruneAsync(2 * Minute, Minute, null, 1000));
        }
    }

    private (ChunkLease Lease, Chunk Chunk)? Lease(int pick) =>
        _leases.Count == 0 ? null : _leases[^(1 + pick / 64 % Math.Min(_leases.Count, 5))];

    private IEnumerable<Chunk> Remember(IEnumerable<Chunk> chunks)
    {
        var list = chunks.OrderBy(chunk => chunk.Owner).ThenBy(chunk => chunk.Number).ToList();
        _messages.AddRange(list.Where(chunk => chunk.References.Count > 0).Select(Some.Message));
        return list;
    }

    private LeaseAnswer Remember(LeaseAnswer answer)
    {
        if (answer.Lease is { } lease)
            _leases.Add((lease, answer.Chunk!));
        return answer;
    }

    private async Task NoteAsync(string call, Func<Task<object?>> answer)
    {
        try
        {
            Note(call, await answer());
        }
        catch (KeyUsedException used)
        {
            Note(call, $"used by {used.By} {used.Id}");
        }
    }

    private void Note(string call, object? answer) =>
        Answers.Add($"{Answers.Count} {call}: {JsonSerializer.Serialize(answer, WithoutGenerations)}");

    /// <summary>Leaves out generations, which are random. Stale answers show whether they are equal.</summary>
    private static readonly JsonSerializerOptions WithoutGenerations = new()
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver
        {
            Modifiers =
            {
                static type =>
                {
                    foreach (var property in type.Properties.Where(property => property.Name == nameof(Chunk.Generation)))
                        property.ShouldSerialize = (_, _) => false;
                },
            },
        },
    };
}
