using System.Reflection;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

public sealed class PlannerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-tests").FullName;
    private readonly ModelStore _model = new(new FakeClock());

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Permanent_failure_pauses_the_job_with_its_reason()
    {
        var job = await PlanAsync(new ArgumentException("Null character in path."));
        Assert.Equal(JobState.Paused, job.State);
        Assert.Contains("Null character in path.", job.Reason);
    }

    [Fact]
    public async Task Transient_failure_is_retried()
    {
        await Assert.ThrowsAsync<IOException>(() => PlanAsync(new IOException("The share is unavailable.")));
        Assert.Equal(JobState.Running, Assert.Single((await _model.PageAsync(new JobQuery(), Cancel)).Jobs).State);
    }

    /// <summary>Plans a job with one picture while the store throws <paramref name="failure"/>.</summary>
    private async Task<Job> PlanAsync(Exception failure)
    {
        File.WriteAllText(Path.Combine(_folder, "a.png"), "x");
        using var references = new ReferenceReader(new ReferenceOptions { Roots = [_folder] }, null!);
        var job = (await _model.CreateAsync(Some.Spec($"folder:{_folder}"), null, Cancel)).Job.Id;
        var store = Failing.Around<IStore>(_model, "get_Items", failure);
        await new Planner(store, references, new JobSignal(), new PipelineOptions(), NullLogger<Planner>.Instance).PlanAsync(job, Cancel);
        return (await ((IJobs)_model).FindAsync(job, Cancel))!;
    }

    /// <summary>Proxy whose method of one name throws. All other calls go to the inner object.</summary>
    private class Failing : DispatchProxy
    {
        private object _inner = null!;
        private string _method = "";
        private Exception _failure = null!;

        public static T Around<T>(T inner, string method, Exception failure)
            where T : class
        {
            var proxy = Create<T, Failing>();
            var failing = (Failing)(object)proxy;
            (failing._inner, failing._method, failing._failure) = (inner, method, failure);
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            targetMethod!.Name == _method
                ? throw _failure
                : targetMethod.Invoke(_inner, BindingFlags.DoNotWrapExceptions, null, args, null);
    }
}
