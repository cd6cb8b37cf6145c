using System.Collections.Concurrent;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace AgCam.Pipeline.References;

/// <summary>
/// Asks hosts (or buckets) over a network: a try has its time, and what may pass is tried again. A host that most tries fail at is
/// away: one try in a while asks whether it is back, for all, and images wait for that and use up no tries. Once it has been away for
/// as long as is waited, its images fail at once, until it answers.
/// </summary>
/// <param name="mayPass">Whether an exception may be another one, or none, at the next try; cancellation and a try's time do not come
/// here.</param>
/// <param name="isAway">Whether it tells that the host is in trouble, and not of one image.</param>
internal sealed class HostCircuitBreaker(
    HostRetryOptions tries,
    Func<Exception, bool> mayPass,
    Func<Exception, bool> isAway,
    TimeProvider? clock = null
)
{
    /// <summary>Hosts that are remembered; names may be made up without end.</summary>
    private const int MaxHosts = 1024;

    private readonly ConcurrentDictionary<string, Host> _hosts = new(StringComparer.OrdinalIgnoreCase);

    /// <exception cref="BrokenCircuitException">The host has been away for too long.</exception>
    /// <exception cref="Polly.Timeout.TimeoutRejectedException">The last try took too long.</exception>
    public async Task<T> CallAsync<T>(string name, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        if (_hosts.Count > MaxHosts)
            _hosts.Clear();
        var host = _hosts.GetOrAdd(name, _ => new Host(tries, mayPass, isAway, clock ?? TimeProvider.System));
        return await host.Calls.ExecuteAsync(async cancellationToken => await call(cancellationToken), cancellationToken);
    }

    private sealed class Host
    {
        private readonly TimeProvider _clock;
        private readonly Lock _lock = new();
        private long? _away,
            _lastAway;

        public Host(HostRetryOptions tries, Func<Exception, bool> mayPass, Func<Exception, bool> isAway, TimeProvider clock)
        {
            _clock = clock;
            var calls = new ResiliencePipelineBuilder { TimeProvider = clock };
            calls.AddRetry(
                new RetryStrategyOptions
                {
                    ShouldHandle = args =>
                        ValueTask.FromResult(args.Outcome.Exception is BrokenCircuitException && AwayFor() < tries.MaxOutage),
                    MaxRetryAttempts = int.MaxValue,
                    Delay = tries.BreakDuration / 2,
                    UseJitter = true,
                }
            );
            if (tries.Attempts > 1)
                calls.AddRetry(
                    new RetryStrategyOptions
                    {
                        ShouldHandle = args =>
                            ValueTask.FromResult(
                                args.Outcome.Exception is { } e and not BrokenCircuitException
                                    && (e is Polly.Timeout.TimeoutRejectedException || mayPass(e))
                            ),
                        MaxRetryAttempts = tries.Attempts - 1,
                        Delay = TimeSpan.FromMilliseconds(300),
                        MaxDelay = TimeSpan.FromSeconds(8),
                        BackoffType = DelayBackoffType.Exponential,
                        UseJitter = true,
                    }
                );
            calls.AddCircuitBreaker(
                new CircuitBreakerStrategyOptions
                {
                    ShouldHandle = args =>
                        ValueTask.FromResult(args.Outcome.Exception is { } e && (e is Polly.Timeout.TimeoutRejectedException || isAway(e))),
                    FailureRatio = 0.9,
                    MinimumThroughput = tries.MinFailures,
                    SamplingDuration = TimeSpan.FromSeconds(30),
                    BreakDuration = tries.BreakDuration,
                    OnOpened = _ =>
                    {
                        WentAway(tries.MaxOutage);
                        return default;
                    },
                    OnClosed = _ =>
                    {
                        lock (_lock)
                            _away = null;
                        return default;
                    },
                }
            );
            Calls = calls.AddTimeout(tries.AttemptTimeout).Build();
        }

        public ResiliencePipeline Calls { get; }

        /// <summary>
        /// At the first failure, and at each one of those that ask whether it is back. Where nobody asked for long, it may have been
        /// back.
        /// </summary>
        private void WentAway(TimeSpan maxOutage)
        {
            var now = _clock.GetTimestamp();
            lock (_lock)
            {
                if (_away is null || _clock.GetElapsedTime(_lastAway!.Value, now) > maxOutage)
                    _away = now;
                _lastAway = now;
            }
        }

        private TimeSpan AwayFor()
        {
            lock (_lock)
                return _away is { } since ? _clock.GetElapsedTime(since) : TimeSpan.Zero;
        }
    }
}

/// <param name="Attempts">Of one image, while its host answers others.</param>
/// <param name="AttemptTimeout">Of one try.</param>
/// <param name="MaxOutage">How long a host that is away is waited for.</param>
internal sealed record HostRetryOptions(int Attempts, TimeSpan AttemptTimeout, TimeSpan MaxOutage)
{
    /// <summary>
    /// Tries within half a minute, of which nine in ten fail, before a host counts as away: more than a single image has.
    /// </summary>
    public int MinFailures { get; init; } = Math.Max(10, Attempts + 1);

    /// <summary>Between two tries of a host that is away.</summary>
    public TimeSpan BreakDuration { get; init; } = TimeSpan.FromSeconds(2);
}
