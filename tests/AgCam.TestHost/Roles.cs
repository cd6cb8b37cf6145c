using AgCam.Api;
using AgCam.Pipeline;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Scenes;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.TestHost;

/// <summary>Runs the parts of `agcam api`, `agcam worker` and `agcam serve`, with kill points.</summary>
internal static class Roles
{
    /// <summary>
    /// The only model. With engine=null it keeps its name and digest, and the null engine computes.
    /// </summary>
    public const string Model = "scenes";

    /// <summary>Runs until the process is stopped or dies.</summary>
    public static async Task<int> RunAsync(Dictionary<string, string> given)
    {
        var role = given["role"];
        var pipeline = Pipeline(given);
        var death = Death.Parse(given.GetValueOrDefault("kill"));
        IHost host;
        if (role == "worker")
        {
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
            Register(builder.Services, builder.Logging, given, pipeline, death);
            host = builder.Build();
        }
        else
        {
            var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
            Register(builder.Services, builder.Logging, given, pipeline, death);
            builder.AddAgCamApi(new ApiOptions { Listen = "http://127.0.0.1:0", ImagesPerMinute = 1_000_000 });
            var app = builder.Build();
            app.MapAgCamApi();
            host = app;
        }
        using (host)
        {
            await host.StartAsync();
            if (host is WebApplication web)
                Console.WriteLine($"listening {web.Urls.First()}");
            Console.WriteLine("ready");
            await host.WaitForShutdownAsync();
        }
        Console.WriteLine("stopped");
        return 0;
    }

    private static PipelineOptions Pipeline(Dictionary<string, string> given) =>
        new()
        {
            Store = given["store"],
            Database = given.GetValueOrDefault("database", "agcam"),
            Bus = given.GetValueOrDefault("bus", PipelineOptions.InMemory),
            Prefix = given.GetValueOrDefault("prefix", "explain"),
            RunJobs = given["role"] != "worker",
            PollSeconds = 0.1,
            VisibilityTimeoutSeconds = double.Parse(given.GetValueOrDefault("visibility", "20")),
            References = new ReferenceOptions { Roots = [given["root"]] },
            Models = new Dictionary<string, string> { [Model] = Shipped.Model },
        };

    private static void Register(
        IServiceCollection services,
        ILoggingBuilder logging,
        Dictionary<string, string> given,
        PipelineOptions pipeline,
        Death? death
    )
    {
        logging.ClearProviders();
        logging.AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(40));
        services.AddAgCamPipeline(pipeline);
        services.AddSingleton<IStore>(_ => new MortalStore(PipelineRegistration.OpenStore(pipeline), death));
        if (given["role"] == "api")
            return;
        var worker = new WorkerOptions
        {
            Device = "cpu",
            LeaseSeconds = double.Parse(given.GetValueOrDefault("lease", "5")),
            DrainSeconds = double.Parse(given.GetValueOrDefault("drain", "15")),
        };
        services.AddSingleton<IEngineLoader>(provider => new MortalLoader(
            given.GetValueOrDefault("engine", "null") == "model"
                ? new ModelLoader(provider.GetRequiredService<AgCam.Pipeline.Jobs.ModelCatalog>(), worker)
                : null,
            death,
            given.TryGetValue("poison", out var poison) ? Digest.Parse(poison) : null,
            double.Parse(given.GetValueOrDefault("slow", "0")),
            given.GetValueOrDefault("poison-image")
        ));
        services.AddAgCamWorker(worker);
    }
}
