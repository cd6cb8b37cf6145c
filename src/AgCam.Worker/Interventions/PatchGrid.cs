using AgCam.Audit.Interventions;
using AgCam.Preprocessing;

namespace AgCam.Worker.Interventions;

/// <summary>Changes patches of prepared images. The images given are not changed.</summary>
internal sealed class PatchGrid(int rows, int columns)
{
    private const int Channels = 3;

    /// <summary>Fills the patches with the image's mean colour.</summary>
    public PreparedImage Filled(PreparedImage image, IReadOnlyList<Patch> patches)
    {
        Span<byte> mean = stackalloc byte[Channels];
        for (var channel = 0; channel < Channels; channel++)
        {
            var sum = 0L;
            for (var at = channel; at < image.Pixels.Length; at += Channels)
                sum += image.Pixels[at];
            var pixels = image.Pixels.Length / Channels;
            mean[channel] = (byte)((sum + (pixels / 2)) / pixels);
        }
        var filled = Copy(image);
        foreach (var patch in patches)
        {
            var (x, y, width, height) = Pixels(image, patch);
            for (var row = y; row < y + height; row++)
            for (var column = x; column < x + width; column++)
                mean.CopyTo(filled.Pixels.AsSpan(Channels * ((row * image.Width) + column)));
        }
        return filled;
    }

    /// <summary>Replaces each patch by a random one of the same image from outside; by its mean colour when there is none.</summary>
    public PreparedImage Shuffled(PreparedImage image, IReadOnlyList<Patch> patches, ulong seed)
    {
        var inside = patches.ToHashSet();
        var outside = Enumerable
            .Range(0, rows * columns)
            .Select(patch => new Patch(patch / columns, patch % columns))
            .Where(patch => !inside.Contains(patch))
            .ToList();
        if (outside.Count == 0)
            return Filled(image, patches);
        var shuffled = Copy(image);
        foreach (var patch in patches)
            Copy(image, outside[(int)Math.BigMul(SplitMix64.Next(ref seed), (ulong)outside.Count, out _)], shuffled, patch);
        return shuffled;
    }

    /// <summary>Copies the patches into another image of the same size, at the same place.</summary>
    public PreparedImage Pasted(PreparedImage from, PreparedImage into, IReadOnlyList<Patch> patches)
    {
        var pasted = Copy(into);
        foreach (var patch in patches)
            Copy(from, patch, pasted, patch);
        return pasted;
    }

    private static PreparedImage Copy(PreparedImage image) => image with { Pixels = [.. image.Pixels] };

    private void Copy(PreparedImage from, Patch source, PreparedImage into, Patch target)
    {
        var (x, y, width, height) = Pixels(from, source);
        var (left, top, _, _) = Pixels(into, target);
        for (var row = 0; row < height; row++)
            from.Pixels.AsSpan(Channels * (((y + row) * from.Width) + x), Channels * width)
                .CopyTo(into.Pixels.AsSpan(Channels * (((top + row) * into.Width) + left)));
    }

    private (int X, int Y, int Width, int Height) Pixels(PreparedImage image, Patch patch)
    {
        var (width, height) = (image.Width / columns, image.Height / rows);
        return (patch.Column * width, patch.Row * height, width, height);
    }
}
