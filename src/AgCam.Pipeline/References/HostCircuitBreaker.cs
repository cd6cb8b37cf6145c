using System.Collections.Concurrent;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace AgCam.Pipeline.References;

/// <summary>
/// Calls hosts or buckets with a timeout, retries and a circuit breaker for each host. While a circuit is open, one probe at a time tests
/// the host for all callers; waiting images use up no attempts. After the maximum outage all calls fail at once, until the host answers.
/// </summary>
/// <param name="isTransient">Returns whether an exception may be transient. Cancellation and timeouts are not passed to it.</param>
/// <param name="isHostFailure">Returns whether an exception means that the host fails, not only this image.</param>
internal sealed class HostCircuitBreaker(
    HostRetryOptions options,
    Func<Exception, bool> isTransient,
    Func<Exception, bool> isHostFailure,
    TimeProvider? clock = null
)
{
    /// <summary>Maximum number of hosts with state. Names in requests are unlimited.</summary>
    private const int MaxHosts = 1024;

    private readonly ConcurrentDictionary<string, Host> _hosts = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Calls a host, with retries.</summary>
    /// <exception cref="BrokenCircuitException">The host has failed for longer than the maximum outage.</exception>
    /// <exception cref="Polly.Timeout.TimeoutRejectedException">The last attempt timed out.</exception>
    public async Task<T> CallAsync<T>(string name, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        if (_hosts.Count > MaxHosts)
            _hosts.Clear();
        var host = _hosts.GetOrAdd(name, _ => new Host(options, isTransient, isHostFailure, clock ?? TimeProvider.System));
        return await host.Calls.ExecuteAsync(async cancellationToken => await call(cancellationToken), cancellationToken);
    }

    private sealed class Host
    {
        private readonly TimeProvider _clock;
        private readonly Lock _lock = new();
        private long? _openedAt,
            _lastOpenedAt;

        public Host(HostRetryOptions options, Func<Exception, bool> isTransient, Func<Exception, bool> isHostFailure, TimeProvider clock)
        {
            _clock = clock;
            var calls = new ResiliencePipelineBuilder { TimeProvider = clock };
            calls.AddRetry(
                new RetryStrategyOptions
                {
                    ShouldHandle = args =>
                        ValueTask.FromResult(args.Outcome.Exception is BrokenCircuitException && OutageDuration() < options.MaxOutage),
                    MaxRetryAttempts = int.MaxValue,
                    Delay = options.BreakDuration / 2,
                    UseJitter = true,
                }
            );
            if (options.Attempts > 1)
                calls.AddRetry(
                    new RetryStrategyOptions
                    {
                        ShouldHandle = args =>
                            ValueTask.FromResult(
                                args.Outcome.Exception is { } e and not BrokenCircuitException
                                    && (e is Polly.Timeout.TimeoutRejectedException || isTransient(e))
                            ),
                        MaxRetryAttempts = options.Attempts - 1,
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
                        ValueTask.FromResult(
                            args.Outcome.Exception is { } e && (e is Polly.Timeout.TimeoutRejectedException || isHostFailure(e))
                        ),
                    FailureRatio = 0.9,
                    MinimumThroughput = options.MinFailures,
                    SamplingDuration = TimeSpan.FromSeconds(30),
                    BreakDuration = options.BreakDuration,
                    OnOpened = _ =>
                    {
                        Opened(options.MaxOutage);
                        return default;
                    },
                    OnClosed = _ =>
                    {
                        lock (_lock)
                            _openedAt = null;
                        return default;
                    },
                }
            );
            Calls = calls.AddTimeout(options.AttemptTimeout).Build();
        }

        public ResiliencePipeline Calls { get; }

        /// <summary>
        /// Records that the circuit opened, first or again after a failed probe. Starts a new outage when the host was not called for so
        /// long that it may have recovered.
        /// </summary>
        private void Opened(TimeSpan maxOutage)
        {
            var now = _clock.GetTimestamp();
            lock (_lock)
            {
                if (_openedAt is null || _clock.GetElapsedTime(_lastOpenedAt!.Value, now) > maxOutage)
                    _openedAt = now;
                _lastOpenedAt = now;
            }
        }

        private TimeSpan OutageDuration()
        {
            lock (_lock)
                return _openedAt is { } since ? _clock.GetElapsedTime(since) : TimeSpan.Zero;
        }
    }
}

/// <summary>Limits of <see cref="HostCircuitBreaker"/>.</summary>
/// <param name="Attempts">Number of attempts per image while its host answers others.</param>
/// <param name="AttemptTimeout">Timeout of one attempt.</param>
/// <param name="MaxOutage">Maximum time that calls wait for a failing host.</param>
internal sealed record HostRetryOptions(int Attempts, TimeSpan AttemptTimeout, TimeSpan MaxOutage)
{
    /// <summary>
    /// Number of attempts within 30 s before the circuit may open, if nine in ten of them fail. More than one image makes.
    /// </summary>
    public int MinFailures { get; init; } = Math.Max(10, Attempts + 1);

    /// <summary>Time between two probes of a failing host.</summary>
    public TimeSpan BreakDuration { get; init; } = TimeSpan.FromSeconds(2);
}
