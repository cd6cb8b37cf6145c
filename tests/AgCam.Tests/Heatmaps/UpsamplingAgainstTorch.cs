using System.Runtime.Intrinsics.X86;
using AgCam.Native;
using FsCheck.Xunit;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Tests.Heatmaps;

public class UpsamplingAgainstTorch
{
    static UpsamplingAgainstTorch() => NativeBackend.Load();

    [Theory]
    [InlineData(14, 14, 224, 224)]
    [InlineData(12, 12, 96, 96)]
    [InlineData(16, 16, 256, 256)]
    [InlineData(24, 24, 384, 384)]
    [InlineData(37, 37, 518, 518)]
    [InlineData(4, 4, 64, 64)]
    public void Every_bit_equals_that_of_torch(int rows, int columns, int height, int width)
    {
        Assert.SkipUnless(Fma.IsSupported, "torch rounds differently where the processor has no fused multiply-add");
        var map = SomeHeatmap.Noise(rows, rows, columns, 1 << 20);

        Assert.Equal(Torch(map.Values, rows, columns, height, width), map.Upsample(height, width).Values);
    }

    [Property]
    public bool Every_bit_equals_torchs_at_any_size(int seed, byte rows, byte columns, byte height, byte width)
    {
        var map = SomeHeatmap.Noise(seed, rows % 20 + 1, columns % 20 + 1, 1 << 20);
        return map.IsFlat
            || !Fma.IsSupported
            || map.Upsample(height + 1, width + 1)
                .Values.AsSpan()
                .SequenceEqual(Torch(map.Values, map.Rows, map.Columns, height + 1, width + 1));
    }

    private static float[] Torch(float[] values, int rows, int columns, int height, int width)
    {
        using var scope = NewDisposeScope();
        return nn
            .functional.interpolate(
                tensor(values).view(1, 1, rows, columns),
                [height, width],
                mode: InterpolationMode.Bilinear,
                align_corners: false
            )
            .data<float>()
            .ToArray();
    }
}
