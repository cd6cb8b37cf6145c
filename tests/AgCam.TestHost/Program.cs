// One process of the pipeline, explaining with the null engine: AgCam.TestHost role=api|worker|serve|bench store=... bus=... prefix=... root=... [kill=POINT:N] [poison=SHA256]
using AgCam;
using AgCam.Pipeline;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.TestHost;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

var given = args.Select(arg => arg.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
var role = given["role"];
var options = new PipelineOptions
{
    Store = given["store"],
    Database = given.GetValueOrDefault("database", "agcam"),
    Bus = given.GetValueOrDefault("bus", PipelineOptions.InMemory),
    Prefix = given.GetValueOrDefault("prefix", "explain"),
    RunJobs = role != "worker",
    PollSeconds = 0.1,
    TrustSeconds = double.Parse(given.GetValueOrDefault("trust", "20")),
    References = new ReferenceOptions { Roots = [given["root"]] },
};
if (role == "bench")
{
    var rate = await AgCam.Worker.Measuring.PipelineRate.MeasureAsync(options, new WorkerOptions(), int.Parse(given.GetValueOrDefault("images", "20000")), configure =>
    {
        var benched = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        benched.Logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning);
        configure(benched.Services);
        return benched.Build();
    });
    Console.WriteLine(System.Text.Json.JsonSerializer.Serialize(rate));
    return;
}
var death = Death.Parse(given.GetValueOrDefault("kill"));

var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
builder.Logging.AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(40));
builder.Services.AddAgCamPipeline(options);
builder.Services.AddSingleton<IStore>(provider => new MortalStore(PipelineRegistration.OpenStore(options), death));
if (role != "api")
{
    builder.Services.AddSingleton<IEngineLoader>(new MortalLoader(death, given.TryGetValue("poison", out var poison) ? Digest.Parse(poison) : null, int.Parse(given.GetValueOrDefault("slow", "0"))));
    builder.Services.AddAgCamWorker(new WorkerOptions { LeaseSeconds = double.Parse(given.GetValueOrDefault("lease", "5")), DrainSeconds = double.Parse(given.GetValueOrDefault("drain", "15")) });
}
using var host = builder.Build();
await host.StartAsync();
Console.WriteLine("ready");
await host.WaitForShutdownAsync();
Console.WriteLine("stopped");
