using AgCam.Pipeline.References;
using Xunit;

namespace AgCam.Pipeline.Tests.References;

public class BoundedReadTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static readonly byte[] Content = [.. Enumerable.Range(0, 200_000).Select(i => (byte)i)];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(200_000)]
    public async Task Stream_within_the_maximum_is_read_whole(int length)
    {
        var read = await BoundedRead.ToEndAsync(new Trickle(Content[..length]), length, Cancel, expected: length + 1);
        Assert.Equal(Content[..length], read);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    public async Task Stream_beyond_the_maximum_is_not_read_to_its_end(int maximum)
    {
        var stream = new Trickle(Content);
        Assert.Null(await BoundedRead.ToEndAsync(stream, maximum, Cancel));
        Assert.InRange(stream.Position, maximum + 1, maximum + 7);
    }

    /// <summary>Gives at most 7 bytes a read.</summary>
    private sealed class Trickle(byte[] content) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(7, buffer.Length)], cancellationToken);
    }
}
