using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Measuring;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    /// <summary>AGCAM_TEST_STORE_IMAGES raises the number; then the rates mean something.</summary>
    [Fact]
    public async Task The_rate_of_saving_is_measured_beside_bare_inserts()
    {
        var images = int.TryParse(Environment.GetEnvironmentVariable("AGCAM_TEST_STORE_IMAGES"), out var given) ? given : 600;

        var rate = await StoreRate.MeasureAsync(Store, images, cancel: Cancel);

        TestContext.Current.TestOutputHelper?.WriteLine(rate.ToString());
        Assert.Equal((Store.Kind, images), (rate.Store, rate.Images));
        Assert.True(rate is { ImagesPerSecond: > 0, BareImagesPerSecond: > 0 }, rate.ToString());
        Assert.Empty((await Store.Items.PageAsync(new ItemQuery(), Cancel)).Items);
    }
}
