using AgCam.Cli.Bench;
using AgCam.Pipeline;
using Xunit;

namespace AgCam.Cli.Tests;

public class StoreRateTests
{
    private const int Images = 1200;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task All_documents_of_several_jobs_are_inserted_again_beside_the_store(bool mongo)
    {
        Assert.SkipWhen(mongo && MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        await using var scratch = mongo ? Scratch.On(MongoServer.Uri!, PipelineOptions.InMemory) : Scratch.OneProcess();
        await using var store = PipelineRegistration.OpenStore(scratch.Options);
        await store.MigrateAsync(Cancel);
        var job = await SyntheticJob.FillAsync(store, new SyntheticImages(3), Images, cancellationToken: Cancel);
        var another = await SyntheticJob.FillAsync(store, new SyntheticImages(3), 600, cancellationToken: Cancel);
        var before = await store.Items.RecountAsync(job, Cancel);

        var rates = new List<double>();
        for (var i = 0; i < 2; i++) // the second finds nothing of the first
        {
            await using var bare = await StoreRate.OpenAsync(store, scratch, Cancel);
            rates.Add(await bare.InsertAgainAsync(job, Cancel));
            rates.Add(await bare.InsertAgainAsync(another, Cancel)); // the same pictures: their explanations are there already
            await Assert.ThrowsAnyAsync<Exception>(() => bare.InsertAgainAsync(job, Cancel)); // no document would be inserted
        }

        Assert.Equal(4, rates.Count);
        Assert.All(rates, rate => Assert.True(rate > 0 && double.IsFinite(rate), $"{rate} images/s"));
        Assert.Equal(Images, before.Completed + before.Failed);
        Assert.Equal(before, await store.Items.RecountAsync(job, Cancel));
    }
}
