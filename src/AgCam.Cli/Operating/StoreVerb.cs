using System.CommandLine;
using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;

namespace AgCam.Cli.Operating;

/// <summary>agcam store: sets up, backs up and checks the store, for operators.</summary>
internal static class StoreVerb
{
    public static Command Create() =>
        new("store", "Sets up, backs up and checks the store: a SQLite file, or mongodb://server.") { Migrate(), Backup(), Check() };

    private static Command Migrate()
    {
        var services = new ServiceOptions();
        var migrate = new Command(
            "migrate",
            "Creates missing tables or indexes and migrates an older schema. "
                + "Other processes then need no permission to do so: see Pipeline:MigrateStore."
        );
        services.AddStoreTo(migrate);
        migrate.SetAction(
            (parsed, cancellationToken) =>
                parsed.Console.RunServiceAsync(async () =>
                {
                    var options = services.Reach(parsed, Settings.Read());
                    await using var store = PipelineRegistration.OpenStore(options);
                    await store.ProbeAsync(cancellationToken);
                    var before = await store.SchemaVersionAsync(cancellationToken);
                    await store.MigrateAsync(cancellationToken);
                    parsed.Console.Error.WriteLine(
                        $"agcam: the {store.Kind} store {UriRedaction.Redact(options.Store)} had schema version {before} "
                            + $"and has {StoreSchema.Version} now."
                    );
                })
        );
        return migrate.WithExamples(
            new Example("As a user with the permission to create indexes", "Pipeline__StoreFile=/run/secrets/setup agcam store migrate")
        );
    }

    private static Command Backup()
    {
        var services = new ServiceOptions();
        var file = new Argument<string>("FILE") { Description = "File for the copy. It must not exist." };
        const string Text = "Copies a SQLite store at one point in time, also while processes use it. For MongoDB see docs/operations.md.";
        var backup = new Command("backup", Text) { file };
        services.AddStoreTo(backup);
        backup.SetAction(
            (parsed, cancellationToken) =>
                parsed.Console.RunServiceAsync(async () =>
                {
                    var store = services.Reach(parsed, Settings.Read()).Store;
                    ThrowIfMongo(store);
                    var target = parsed.GetValue(file)!;
                    try
                    {
                        await SqliteBackup.WriteAsync(store, target, cancellationToken);
                    }
                    catch (ArgumentException e)
                    {
                        throw new UsageException(e.Message);
                    }
                    parsed.Console.Error.WriteLine($"agcam: copied {store} to {target}.");
                })
        );
        return backup.WithExamples(new Example("Every night", "agcam store backup --store results.db results-monday.db"));
    }

    private static Command Check()
    {
        var services = new ServiceOptions();
        var repair = new Option<bool>("--repair")
        {
            Description = "Plan missing work again. Needs the folders or buckets of the jobs' images.",
        };
        var check = new Command(
            "check",
            "Compares every job's totals, chunks, items and explanations. Run it after a restore, before the processes start. "
                + "Exit code 1 when there is a difference."
        )
        {
            repair,
        };
        services.AddSourcesTo(check);
        check.SetAction(
            async (parsed, cancellationToken) =>
            {
                var code = ExitCode.Success;
                var ended = await parsed.Console.RunServiceAsync(async () =>
                {
                    var options = services.Sources(parsed, Settings.Read());
                    if (!IsMongo(options.Store) && !File.Exists(options.Store))
                        throw new UsageException($"{options.Store} does not exist. Name the store with --store.");
                    var found = await StoreCheck.RunAsync(
                        options,
                        parsed.GetValue(repair),
                        parsed.Console.Output.WriteLine,
                        cancellationToken
                    );
                    parsed.Console.Error.WriteLine(
                        $"agcam: {found.Jobs} jobs and {found.Requests} requests were checked. "
                            + $"Differences: {found.Differences}. Repaired: {found.Repaired}."
                    );
                    code = found.IsWhole ? ExitCode.Success : ExitCode.Different;
                });
                return ended == ExitCode.Success ? code : ended;
            }
        );
        return check.WithExamples(
            new Example("After a restore", "agcam store check --store results.db"),
            new Example("Plan missing work again", "agcam store check --store results.db --root /images --repair")
        );
    }

    private static bool IsMongo(string store) =>
        store.StartsWith("mongodb", StringComparison.Ordinal) && store.Contains("://", StringComparison.Ordinal);

    private static void ThrowIfMongo(string store)
    {
        if (IsMongo(store))
            throw new UsageException(
                "Back up MongoDB with mongodump --oplog of the whole instance, or with a snapshot. See docs/operations.md."
            );
    }
}
