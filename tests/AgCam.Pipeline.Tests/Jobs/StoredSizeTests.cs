using AgCam.Models;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

public sealed class StoredSizeTests
{
    [Fact]
    public void Class_that_several_targets_explain_is_counted_once()
    {
        Assert.Equal(Estimate("top:3"), Estimate("predicted", "top:3", "top:2"));
        Assert.Equal(Estimate("top:2"), Estimate("predicted", "class:7", "class:7"));

        static int Estimate(params string[] targets) =>
            StoredSize.Estimate(
                new ModelCard(NamedArchitectures.Find("vit_base_patch16_224"), new ClassNames(1000)),
                SyntheticImages.Spec with
                {
                    Targets = targets,
                },
                []
            );
    }

    /// <summary>Compares the estimate with a SQLite file that stores such images.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Estimated_size_is_within_a_quarter_of_the_real_one(bool embedding)
    {
        const int Chunks = 8,
            Size = 256,
            Images = Chunks * Size;
        var cancellationToken = TestContext.Current.CancellationToken;
        var folder = Directory.CreateTempSubdirectory("agcam-tests").FullName;
        try
        {
            var path = Path.Combine(folder, "agcam.db");
            var synthetic = new SyntheticImages(7);
            var spec = SyntheticImages.Spec with { Embedding = embedding };
            var references = SyntheticImages
                .References(0, Images)
                .Select(image => image with { Stamp = "123456@638679168000000000" })
                .ToList();
            await using (var store = new SqliteStore(new SqliteOptions { Path = path, Durability = SqliteDurability.Process }))
            {
                await store.MigrateAsync(cancellationToken);
                var job = (await store.Jobs.CreateAsync(spec, cancellationToken: cancellationToken)).Job.Id;
                await store.Jobs.AddChunksAsync(
                    job,
                    await store.Jobs.PlanTailAsync(job, cancellationToken),
                    [.. references.Chunk(Size)],
                    cancellationToken
                );
                foreach (var chunk in await store.Chunks.ClaimPlannedAsync(job, Chunks, TimeSpan.FromHours(1), cancellationToken))
                {
                    var lease = (
                        await store.Chunks.LeaseAsync(Some.Message(chunk), "w", TimeSpan.FromHours(1), cancellationToken: cancellationToken)
                    ).Lease!;
                    await store.Chunks.SaveAsync(
                        [
                            new ChunkResult(
                                lease,
                                [.. chunk.References.Select(image => Explanation(image.Number))],
                                [
                                    .. chunk.References.Select(image =>
                                        synthetic.Item(job, image.Number, DateTimeOffset.UtcNow) with
                                        {
                                            Stamp = image.Stamp,
                                        }
                                    ),
                                ]
                            ),
                        ],
                        cancellationToken
                    );
                }
            }
            var actual = new FileInfo(path).Length / Images;
            var estimate = StoredSize.Estimate(
                new ModelCard(NamedArchitectures.Find("vit_base_patch16_224"), new ClassNames(1000)),
                spec,
                references
            );
            TestContext.Current.TestOutputHelper?.WriteLine($"{actual} bytes an image, {estimate} estimated");
            Assert.InRange(estimate, actual * 3 / 4, actual * 5 / 4);

            StoredExplanation Explanation(int number) =>
                embedding ? synthetic.Explanation(number) : synthetic.Explanation(number) with { Embedding = null };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
