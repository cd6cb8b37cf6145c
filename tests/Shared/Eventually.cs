namespace AgCam.Testing;

/// <summary>Waits for what another thread or process does. The only place where tests poll.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(50);

    /// <param name="condition">Checked every 50 ms.</param>
    /// <param name="state">Describes what was there instead when the time is over.</param>
    /// <param name="seconds">Longest wait, in seconds: generous, since a busy machine is no defect.</param>
    public static Task TrueAsync(Func<bool> condition, Func<string>? state = null, int seconds = 90) =>
        TrueAsync(() => Task.FromResult(condition()), state is null ? null : () => Task.FromResult(state()), seconds);

    /// <inheritdoc cref="TrueAsync(Func{bool}, Func{string}?, int)"/>
    public static async Task TrueAsync(Func<Task<bool>> condition, Func<Task<string>>? state = null, int seconds = 90)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(started).TotalSeconds >= seconds)
                Xunit.Assert.Fail($"Not within {seconds} s. {(state is null ? "" : await state())}");
            await Task.Delay(s_interval, Xunit.TestContext.Current.CancellationToken);
        }
    }
}
