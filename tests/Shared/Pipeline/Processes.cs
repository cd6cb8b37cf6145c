using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace AgCam.Testing;

/// <summary>Runs the parts of `agcam serve`, `agcam api` and `agcam worker` inside the test process.</summary>
internal sealed class Processes : IAsyncDisposable
{
    private readonly IHost _host;

    private Processes(IHost host) => _host = host;

    public IStore Store => _host.Services.GetRequiredService<IStore>();

    public IExplainBus Bus => _host.Services.GetRequiredService<IExplainBus>();

    public IExplainHandler Handler => _host.Services.GetRequiredService<IExplainHandler>();

    public ExplainEvents Events => _host.Services.GetRequiredService<ExplainEvents>();

    public JobSignal Signal => _host.Services.GetRequiredService<JobSignal>();

    /// <summary>Cancelled when the process begins to stop.</summary>
    public CancellationToken Stopping => _host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;

    public static PipelineOptions Options(Pictures pictures) =>
        new()
        {
            Store = pictures.Database,
            PollSeconds = 0.05,
            MaxChunkSize = 64, // one chunk size at any pace
            References = new ReferenceOptions { Roots = [pictures.Folder] },
        };

    /// <param name="store">Wraps the store that the options name.</param>
    public static async Task<Processes> StartAsync(
        PipelineOptions options,
        WorkerOptions? worker = null,
        IEngineLoader? engines = null,
        Func<IStore, IStore>? store = null,
        IExplainBus? bus = null
    )
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        if (Environment.GetEnvironmentVariable("AGCAM_TEST_LOG") is not null)
            builder.Logging.AddSimpleConsole();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(40));
        if (bus is not null)
            builder.Services.AddSingleton(bus);
        builder.Services.AddAgCamPipeline(options);
        if (store is not null)
            builder.Services.AddSingleton(provider =>
                store(PipelineRegistration.OpenStore(options, provider.GetRequiredService<TimeProvider>()))
            );
        if (worker is not null)
        {
            builder.Services.AddSingleton(engines ?? new NullLoader());
            builder.Services.AddAgCamWorker(worker);
        }
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return new Processes(host);
    }

    public async Task<Job> SubmitAsync(JobSpec spec, string? key = null)
    {
        var created = await Store.Jobs.CreateAsync(spec, key, TestContext.Current.CancellationToken);
        Signal.Changed();
        return created.Job;
    }

    /// <summary>Waits until the job meets the condition.</summary>
    public async Task<Job> WaitAsync(Guid job, Func<Job, bool> wanted, int seconds = 120)
    {
        var until = DateTime.UtcNow.AddSeconds(seconds);
        while (true)
        {
            var found =
                await Store.Jobs.FindAsync(job, TestContext.Current.CancellationToken)
                ?? throw new InvalidOperationException($"There is no job {job}.");
            if (wanted(found))
                return found;
            if (DateTime.UtcNow > until)
                throw new TimeoutException(
                    $"After {seconds} s the job is {found.State} ({found.Reason}), {found.Progress}, {found.Chunks} chunks."
                );
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    public Task StopAsync() => _host.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
        else
            _host.Dispose();
    }
}
