using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;

namespace AgCam.Pipeline.Telemetry;

/// <summary>
/// Measures every method of a store interface that returns a task. A proxy covers new methods without code for them. Calls are per request
/// or batch, so the microsecond of reflection does not matter.
/// </summary>
internal class StoreCalls : DispatchProxy
{
    private static readonly MethodInfo Generic = typeof(StoreCalls).GetMethod(
        nameof(Finish),
        BindingFlags.Instance | BindingFlags.NonPublic
    )!;

    private readonly ConcurrentDictionary<MethodInfo, Call> _calls = new();
    private object _target = null!;
    private string _part = "";

    internal static T Observe<T>(T target, string part)
        where T : class
    {
        var observed = Create<T, StoreCalls>();
        var calls = (StoreCalls)(object)observed;
        (calls._target, calls._part) = (target, part);
        return observed;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var call = _calls.GetOrAdd(targetMethod!, Describe);
        if (call.Finish is null || (!PipelineTelemetry.StoreSeconds.Enabled && !PipelineTelemetry.Activities.HasListeners()))
            return targetMethod!.Invoke(_target, BindingFlags.DoNotWrapExceptions, null, args, null);
        // Adds a span only to an existing trace: each poll of the loops would be a trace of its own.
        var activity = Activity.Current is null ? null : PipelineTelemetry.Activities.StartActivity(call.Span, ActivityKind.Client);
        var startedAt = Stopwatch.GetTimestamp();
        try
        {
            return call.Finish(
                this,
                targetMethod!.Invoke(_target, BindingFlags.DoNotWrapExceptions, null, args, null)!,
                call,
                activity,
                startedAt
            );
        }
        catch (Exception e)
        {
            End(call, activity, startedAt, e);
            throw;
        }
        finally
        {
            if (activity is not null && Activity.Current == activity)
                Activity.Current = activity.Parent; // the caller continues while the call is pending
        }
    }

    private Call Describe(MethodInfo method)
    {
        var name = method.Name.EndsWith("Async", StringComparison.Ordinal) ? method.Name[..^5] : method.Name;
        var operation = $"{_part}.{char.ToLowerInvariant(name[0])}{name[1..]}";
        Ending? finish =
            method.ReturnType == typeof(Task)
                ? static (calls, task, call, activity, startedAt) => calls.FinishAsync((Task)task, call, activity, startedAt)
            : method.ReturnType is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Task<>)
                ? Generic.MakeGenericMethod(type.GetGenericArguments()[0]).CreateDelegate<Ending>()
            : null;
        return new Call($"store {operation}", operation, finish);
    }

    private async Task FinishAsync(Task task, Call call, Activity? activity, long startedAt)
    {
        try
        {
            await task;
            End(call, activity, startedAt, null);
        }
        catch (Exception e)
        {
            End(call, activity, startedAt, e);
            throw;
        }
    }

    private object Finish<T>(object task, Call call, Activity? activity, long startedAt)
    {
        return AwaitAsync();

        async Task<T> AwaitAsync()
        {
            try
            {
                var result = await (Task<T>)task;
                End(call, activity, startedAt, null);
                return result;
            }
            catch (Exception e)
            {
                End(call, activity, startedAt, e);
                throw;
            }
        }
    }

    private static void End(Call call, Activity? activity, long startedAt, Exception? failure)
    {
        PipelineTelemetry.StoreSeconds.Record(
            Stopwatch.GetElapsedTime(startedAt).TotalSeconds,
            new("operation", call.Operation),
            new("outcome", failure is null or OperationCanceledException ? "ok" : "failed")
        );
        if (activity is null)
            return;
        if (failure is not null)
            activity.SetStatus(ActivityStatusCode.Error, failure.GetType().Name);
        activity.Stop();
    }

    private delegate object Ending(StoreCalls calls, object task, Call call, Activity? activity, long startedAt);

    private sealed record Call(string Span, string Operation, Ending? Finish);
}
