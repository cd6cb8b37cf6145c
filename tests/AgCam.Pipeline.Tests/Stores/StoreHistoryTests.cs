using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using AgCam.Pipeline.Stores.Sqlite;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public sealed class StoreHistoryTests
{
    /// <summary>Histories in which a job is planned, published, leased, crashed, saved and deleted several times.</summary>
    private static readonly Gen<int[]> Histories = Gen.Choose(0, (1 << 21) - 1).ArrayOf().Resize(120);

    [Fact]
    public void SQLite_answers_any_history_as_the_model_does() =>
        Check(
            40,
            () =>
            {
                var folder = Path.Combine(Path.GetTempPath(), "agcam-tests", Guid.NewGuid().ToString("N"));
                return (
                    clock => new SqliteStore(
                        new SqliteOptions
                        {
                            Path = Path.Combine(folder, "agcam.db"),
                            Durability = SqliteDurability.Process,
                            RecentRows = 1,
                        },
                        clock
                    ),
                    () =>
                    {
                        Directory.Delete(folder, recursive: true);
                        return Task.CompletedTask;
                    }
                );
            }
        );

    [Fact]
    public void MongoDB_answers_any_history_as_the_model_does()
    {
        Assert.SkipWhen(MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        Check(
            15,
            () =>
            {
                var name = MongoServer.NewName();
                return (
                    clock => new MongoStore(new MongoOptions { Uri = MongoServer.Uri!, Database = name }, clock),
                    () => MongoServer.DropAsync(name)
                );
            }
        );
    }

    /// <summary>Equal answers prove something only if the histories reach the outcomes that matter.</summary>
    [Fact]
    public async Task Random_histories_reach_every_important_outcome()
    {
        string[] outcomes =
        [
            "\"Outcome\":0,\"NewExplanations\":1",
            "\"JobCompleted\":true",
            "\"Crashes\":2",
            "\"Isolated\":{\"",
            "\"Condemned\":1",
            "\"Deleted\":1",
            "\"State\":\"Cancelled\"",
            "\"State\":\"Paused\"",
            "forget: 1",
            "delete: true",
            "count ended: {\"Jobs\":1",
            "create: \"used by",
            "accept: \"used by",
            "\"Outcome\":7",
            "complete audit: true",
            "findings: [{",
        ];
        var missing = outcomes.ToHashSet();
        for (var round = 0; round < 20 && missing.Count > 0; round++)
            foreach (var history in Gen.Sample(Histories, 120, 60))
            {
                var answers = await AnswersAsync(clock => new ModelStore(clock), history);
                missing.RemoveWhere(outcome => answers.Exists(answer => answer.Contains(outcome, StringComparison.Ordinal)));
            }
        Assert.Empty(missing);
    }

    private static void Check(int histories, Func<(Func<FakeClock, IStore> Open, Func<Task> Drop)> place)
    {
        var property = Prop.ForAll(
            Arb.From(Histories, history => ArbMap.Default.ArbFor<int[]>().Shrinker(history)),
            history =>
            {
                var (open, drop) = place();
                var expected = AnswersAsync(clock => new ModelStore(clock), history).GetAwaiter().GetResult();
                var actual = AnswersAsync(open, history).GetAwaiter().GetResult();
                drop().GetAwaiter().GetResult();
                Assert.Equal(expected, actual);
            }
        );
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(histories), property);
    }

    private static async Task<List<string>> AnswersAsync(Func<FakeClock, IStore> open, int[] history)
    {
        var clock = new FakeClock();
        await using var store = open(clock);
        await store.MigrateAsync();
        var play = new StoreHistory(store, clock);
        await play.PlayAsync(history);
        return play.Answers;
    }
}
