using System.CommandLine;
using AgCam.Cli.Serving;
using AgCam.Pipeline;
using AgCam.Pipeline.Stores;

namespace AgCam.Cli.Operating;

/// <summary>agcam store: the store's schema, for who runs the database.</summary>
internal static class StoreVerb
{
    public static Command Create()
    {
        var services = new ServiceOptions();
        var migrate = new Command("migrate", "Creates what is missing (tables or indexes) and brings an older schema up to date. Running processes need no such rights then: see Pipeline:MigrateStore.");
        services.AddStoreTo(migrate);
        migrate.SetAction((parsed, cancel) => Service.Run(async () =>
        {
            var options = services.Reach(parsed, Settings.Read());
            await using var store = PipelineRegistration.OpenStore(options);
            await store.ProbeAsync(cancel);
            var before = await store.SchemaVersionAsync(cancel);
            await store.MigrateAsync(cancel);
            Console.Error.WriteLine($"agcam: the {store.Kind} store had schema version {before} and has {StoreSchema.Version} now.");
        }));
        migrate.WithExamples(new Example("As a user who may", "Pipeline__StoreFile=/run/secrets/setup agcam store migrate"));
        return new Command("store", "The store of jobs and results: a SQLite file, or mongodb://server.") { migrate };
    }
}
