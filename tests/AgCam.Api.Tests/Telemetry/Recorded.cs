using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Trace;

namespace AgCam.Api.Tests.Telemetry;

/// <summary>Spans that this process has ended. Other tests run at the same time, in other traces.</summary>
internal sealed class Recorded
{
    private readonly List<Activity> _spans = [];

    public void AddTo(IServiceCollection services) =>
        services.AddOpenTelemetry().WithTracing(tracing => tracing.AddInMemoryExporter(new Locked(_spans)));

    public IReadOnlyList<Activity> Of(ActivityTraceId trace)
    {
        lock (_spans)
            return [.. _spans.Where(span => span.TraceId == trace)];
    }

    public IReadOnlyList<Activity> All
    {
        get
        {
            lock (_spans)
                return [.. _spans];
        }
    }

    /// <summary>Waits until the trace has a span for each of the names. A name that occurs twice needs two spans.</summary>
    public async Task<IReadOnlyList<Activity>> WaitAsync(ActivityTraceId trace, params string[] names)
    {
        IReadOnlyList<Activity> spans = [];
        await Eventually.TrueAsync(
            () => names.All(name => (spans = Of(trace)).Any(span => span.DisplayName == name)),
            () => $"Of {string.Join(", ", names)} there are only {string.Join(", ", spans.Select(span => span.DisplayName))}."
        );
        return spans;
    }

    /// <summary>Collection that the exporter fills while the test reads.</summary>
    private sealed class Locked(List<Activity> spans) : ICollection<Activity>
    {
        public int Count => spans.Count;

        public bool IsReadOnly => false;

        public void Add(Activity item)
        {
            lock (spans)
                spans.Add(item);
        }

        public void Clear() => throw new NotSupportedException();

        public bool Contains(Activity item) => throw new NotSupportedException();

        public void CopyTo(Activity[] array, int arrayIndex) => throw new NotSupportedException();

        public bool Remove(Activity item) => throw new NotSupportedException();

        public IEnumerator<Activity> GetEnumerator() => throw new NotSupportedException();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => throw new NotSupportedException();
    }
}
