using AgCam.Evaluation.Datasets;
using AgCam.Images;
using AgCam.Worker.Evaluations;
using Xunit;

namespace AgCam.Worker.Tests.Evaluations;

public sealed class DatasetReadingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-tests").FullName;
    private readonly DatasetReading _reading = new(LocalFiles.Instance);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public DatasetReadingTests() => Write(0, 30);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Samples_are_found_by_their_numbers_in_any_order()
    {
        foreach (var first in new[] { 0, 20, 4, 28, 0 })
            Assert.Equal(Keys(first, 2), Find(first, 2));
        Assert.Null(Find(29, 2));
        Assert.Equal(Keys(28, 2), Find(28, 2));
    }

    [Fact]
    public void Corrected_dataset_is_read_again()
    {
        Assert.Equal(Keys(0, 30), Find(0, 30));
        Write(30, 2);

        Assert.Equal(Keys(30, 2), Find(30, 2));
        Assert.Null(_reading.Find(_folder, DatasetLayout.Auto, null, 0, 2, _ => false, Cancel));
        Assert.Equal(Keys(0, 2), Find(0, 2));
    }

    [Fact]
    public void Missing_dataset_is_refused_by_its_path()
    {
        var missing = Path.Combine(_folder, "missing");
        Assert.Contains(
            missing,
            Assert.Throws<DatasetException>(() => _reading.Find(missing, DatasetLayout.Auto, null, 0, 1, _ => true, Cancel)).Message
        );
    }

    private IEnumerable<string>? Find(int first, int count) =>
        _reading
            .Find(_folder, DatasetLayout.Auto, null, first, count, samples => samples[0].Key == Key(first), Cancel)
            ?.Select(sample => sample.Key);

    private static IEnumerable<string> Keys(int first, int count) => Enumerable.Range(first, count).Select(Key);

    private static string Key(int number) => $"cat/{number:000}.png";

    private void Write(int from, int count)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "cat"));
        for (var i = from; i < from + count; i++)
            File.WriteAllBytes(Path.Combine(_folder, Key(i)), [0]);
    }
}
