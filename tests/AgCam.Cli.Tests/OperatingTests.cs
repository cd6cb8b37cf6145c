using System.Text.Json;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Sqlite;
using Microsoft.Data.Sqlite;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>Tests the commands for operators of a broker and a database.</summary>
public class OperatingTests
{
    [Fact]
    public void Printed_definitions_can_be_imported_without_permissions()
    {
        var printed = AgcamProcess.Run(
            ["topology", "print"],
            "",
            ("Pipeline__Bus", "amqp://anna:hunter2@nowhere.invalid/there"),
            ("Pipeline__Prefix", "ours")
        );
        Assert.Equal(0, printed.Code);
        var definitions = JsonSerializer.Deserialize<JsonElement>(printed.Output);
        var bulk = definitions.GetProperty("queues").EnumerateArray().Single(queue => queue.GetProperty("name").GetString() == "ours-bulk");
        Assert.Equal("there", bulk.GetProperty("vhost").GetString());
        Assert.Equal("quorum", bulk.GetProperty("arguments").GetProperty("x-queue-type").GetString());
        Assert.Contains("rabbitmqctl set_permissions -p 'there' WORKER '^$'", printed.Errors);
        Assert.DoesNotContain("hunter2", printed.Output + printed.Errors);
    }

    [Fact]
    public void Broker_that_cannot_be_reached_is_exit_4_without_its_password()
    {
        var refused = AgcamProcess.Run(["topology", "verify", "--names-only"], "", ("Pipeline__Bus", "amqp://anna:hunter2@127.0.0.1:1/"));
        Assert.Equal(4, refused.Code);
        Assert.Contains("amqp://anna@127.0.0.1:1/", refused.Errors);
        Assert.DoesNotContain("hunter2", refused.Errors);
    }

    [Fact]
    public void Missing_binding_is_found_through_the_management_api()
    {
        (string, string) bus = ("Pipeline__Bus", "amqp://guest@127.0.0.1:1/there"); // AMQP is not needed
        using var management = new SomeManagementApi(AgcamProcess.Run(["topology", "print"], "", bus).Output);
        string[] verify = ["topology", "verify", "--management", management.Url];

        var same = AgcamProcess.Run(verify, "", bus);
        Assert.Equal((0, ""), (same.Code, same.Output));
        management.Unbind("explain-bulk");
        var different = AgcamProcess.Run(verify, "", bus);

        Assert.Equal(2, different.Code);
        Assert.Equal(["Exchange explain-bulk is not bound to queue explain-bulk."], different.Lines);
    }

    [Fact]
    public void Store_is_migrated_with_an_address_from_a_file()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "store"), Path.Combine(folder.Path, "results.db") + "\n");
        var first = AgcamProcess.Run(["store", "migrate"], "", ("Pipeline__StoreFile", Path.Combine(folder.Path, "store")));
        Assert.Equal((0, true), (first.Code, first.Errors.Contains("had schema version 0")));
        var second = AgcamProcess.Run("store", "migrate", "--store", Path.Combine(folder.Path, "results.db"));
        Assert.Equal((0, false), (second.Code, second.Errors.Contains("had schema version 0")));
    }

    [Fact]
    public void Without_a_name_every_command_uses_the_store_in_the_users_data_folder()
    {
        using var folder = new TemporaryFolder();
        (string, string) data = ("XDG_DATA_HOME", folder.Path);
        var store = folder["agcam/agcam.db"];

        var migrated = AgcamProcess.Run(["store", "migrate"], "", data);
        Assert.Equal((0, true), (migrated.Code, File.Exists(store)));
        Assert.Contains($"the SQLite store {store} had schema version 0", migrated.Errors, StringComparison.Ordinal);
        Assert.Equal(0, AgcamProcess.Run(["store", "check"], "", data).Code);
        foreach (
            var verb in (string[][])
                [
                    ["serve"],
                    ["api"],
                    ["worker"],
                    ["store", "migrate"],
                    ["store", "backup"],
                    ["store", "check"],
                ]
        )
            Assert.Contains($"Default: {store}", Flat(AgcamProcess.Run([.. verb, "--help"], "", data).Output), StringComparison.Ordinal);

        static string Flat(string help) => System.Text.RegularExpressions.Regex.Replace(help, @"\s+", " ");
    }

    [Fact]
    public async Task Store_is_backed_up_and_checked()
    {
        using var folder = new TemporaryFolder();
        var cancellationToken = TestContext.Current.CancellationToken;
        var (path, copy) = (Path.Combine(folder.Path, "results.db"), Path.Combine(folder.Path, "copy.db"));
        await using (var store = new SqliteStore(new SqliteOptions { Path = path }))
        {
            await store.MigrateAsync(cancellationToken);
            var model = new ModelPin { Id = "vit", Sha256 = Digest.Of([1]) };
            var job = (
                await store.Jobs.CreateAsync(
                    new JobSpec { Source = $"folder:{folder.Path}", Model = model },
                    cancellationToken: cancellationToken
                )
            ).Job;
            var tail = await store.Jobs.PlanTailAsync(job.Id, cancellationToken);
            await store.Jobs.AddChunksAsync(
                job.Id,
                tail,
                [
                    [new ImageReference { Uri = "/a.png" }],
                ],
                cancellationToken
            );
        }
        Assert.Equal(0, Agcam.Run("store", "backup", "--store", path, copy).Code);
        var again = Agcam.Run("store", "backup", "--store", path, copy);
        Assert.Equal((2, true), (again.Code, again.Errors.Contains("exists")));
        var whole = Agcam.Run("store", "check", "--store", copy);
        Assert.Equal((0, true), (whole.Code, whole.Errors.Contains("1 jobs")));
        using (var connection = new SqliteConnection($"Data Source={copy};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "UPDATE chunks SET refs = NULL";
            Assert.Equal(1, command.ExecuteNonQuery());
        }

        var torn = Agcam.Run("store", "check", "--store", copy);

        Assert.Equal((1, true), (torn.Code, torn.Output.Contains("chunk 0: what it is to compute is missing")));
        Assert.Equal(2, Agcam.Run("store", "check", "--store", Path.Combine(folder.Path, "nothing.db")).Code);
    }

    [Fact]
    public void Store_that_cannot_be_reached_is_exit_4() =>
        Assert.Equal(4, Agcam.Run("store", "check", "--store", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300").Code);

    [Fact]
    public void Topology_without_a_broker_names_the_missing_option() =>
        Assert.Contains("amqp://user:password@host", Agcam.Run("topology", "print", "--bus", "memory").Errors);
}
