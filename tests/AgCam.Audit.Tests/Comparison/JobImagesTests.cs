using AgCam.Audit.Comparison;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using Xunit;

namespace AgCam.Audit.Tests.Comparison;

public class JobImagesTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void Of_two_copies_the_lower_number_counts_in_any_order(int first, int second)
    {
        var images = JobImages.Of([Item(first, content: 7), Item(second, content: 7), Item(2, content: 8)]);
        Assert.Equal((2, 1, 0), (images.All.Count, images.Copies, images.Failed));
        Assert.Equal(0, images.All[Some.File(7)].Number);
    }

    [Fact]
    public void Failed_image_is_counted_and_left_out()
    {
        var images = JobImages.Of([Item(0, content: 7) with { Status = ItemStatus.Failed, Reason = "not-found", Explanation = null }]);
        Assert.Equal((0, 1), (images.All.Count, images.Failed));
    }

    private static Item Item(int number, int content) =>
        new()
        {
            Job = Guid.Empty,
            Number = number,
            Status = ItemStatus.Completed,
            Kind = ReferenceKind.File,
            Uri = $"/{number}.jpg",
            Sha256 = Some.File(content),
            Explanation = Some.File(content + 100),
            Model = "scenes",
            Predicted = "ring",
            Time = DateTimeOffset.UnixEpoch,
        };
}
