using AgCam.Pipeline.Stores.Measuring;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    [Fact]
    public async Task What_a_job_has_stored_is_inserted_again_into_scratch_tables_that_go_away()
    {
        const int Images = 1200;
        var (job, another) = (
            await SyntheticJob.FillAsync(Store, new SyntheticImages(3), Images, cancellationToken: Cancel),
            await SyntheticJob.FillAsync(Store, new SyntheticImages(3), 600, cancellationToken: Cancel)
        );
        var before = await Store.Items.RecountAsync(job, Cancel);

        var rates = new List<double>();
        for (var i = 0; i < 2; i++) // the second finds no table of the first
        {
            await using var bare = await StoreRate.OpenAsync(Store, Cancel);
            rates.Add(await bare.InsertAgainAsync(job, Cancel));
            rates.Add(await bare.InsertAgainAsync(another, Cancel)); // the same pictures: their explanations are there already
        }

        Assert.Equal(4, rates.Count);
        Assert.All(rates, rate => Assert.True(rate > 0 && double.IsFinite(rate), $"{rate} images/s"));
        Assert.Equal(Images, before.Completed + before.Failed);
        Assert.Equal(before, await Store.Items.RecountAsync(job, Cancel));
    }
}
