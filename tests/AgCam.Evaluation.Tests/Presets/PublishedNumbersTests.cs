using AgCam.Evaluation.Datasets;
using AgCam.Evaluation.Presets;
using Xunit;

namespace AgCam.Evaluation.Tests.Presets;

public class PublishedNumbersTests
{
    [Theory]
    [InlineData("""{"methods": {"agcam": {"iou": 45.2}}}""", "not percentages")]
    [InlineData("""{"methods": {"agcam": {"beauty": 0.4}}}""", "unknown metric beauty")]
    [InlineData("""{"agcam": 1}""", "not a file of published numbers")]
    [InlineData("[", "not a file of published numbers")]
    public void Invalid_published_numbers_are_refused(string text, string why)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["numbers.json"], text);
        Assert.Contains(
            why,
            Assert.Throws<DatasetException>(() => PublishedNumbers.Read(folder["numbers.json"])).Message,
            StringComparison.Ordinal
        );
    }
}
