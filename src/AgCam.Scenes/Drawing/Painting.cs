using AgCam.Images;

namespace AgCam.Scenes.Drawing;

/// <summary>Square canvas of float RGB in [0, 1], row-major. The centre of pixel (x, y) is at (x + 0.5, y + 0.5).</summary>
internal sealed class Painting(int side)
{
    private readonly float[] _rgb = new float[side * side * 3];

    public int Side { get; } = side;

    public Colour this[int x, int y]
    {
        get
        {
            var at = (y * Side + x) * 3;
            return new(_rgb[at], _rgb[at + 1], _rgb[at + 2]);
        }
        set
        {
            var at = (y * Side + x) * 3;
            (_rgb[at], _rgb[at + 1], _rgb[at + 2]) = ((float)value.R, (float)value.G, (float)value.B);
        }
    }

    public void Blend(int x, int y, Colour colour, double alpha)
    {
        if (alpha > 0)
            this[x, y] = this[x, y].Towards(colour, alpha);
    }

    public void Each(Func<int, int, Colour> colour)
    {
        for (var y = 0; y < Side; y++)
        for (var x = 0; x < Side; x++)
            this[x, y] = colour(x, y);
    }

    /// <summary>
    /// Calls <paramref name="at"/> with the signed distance of every pixel centre within <paramref name="reach"/> pixels of the outline's
    /// box. Larger distances are clamped to the reach, which allows strides over several pixels.
    /// </summary>
    public void Distances(Outline outline, double reach, Action<int, int, double> at)
    {
        int left = Math.Max(0, (int)Math.Floor(outline.Left - reach)),
            right = Math.Min(Side - 1, (int)Math.Floor(outline.Right + reach));
        int top = Math.Max(0, (int)Math.Floor(outline.Top - reach)),
            bottom = Math.Min(Side - 1, (int)Math.Floor(outline.Bottom + reach));
        for (var y = top; y <= bottom; y++)
        for (var x = left; x <= right; )
        {
            var distance = outline.SignedDistance(x + 0.5, y + 0.5);
            var clamped = Math.Clamp(distance, -reach, reach);
            for (var stride = 1 + (int)Math.Max(0, Math.Abs(distance) - reach); stride > 0 && x <= right; stride--, x++)
                at(x, y, clamped);
        }
    }

    /// <summary>Returns the share of a pixel inside an edge at this distance from its centre.</summary>
    public static double Coverage(double signedDistance) => Math.Clamp(0.5 - signedDistance, 0, 1);

    public void Fill(Outline outline, Colour colour, double alpha) =>
        Distances(outline, 1, (x, y, distance) => Blend(x, y, colour, alpha * Coverage(distance)));

    /// <summary>Returns the mean colour inside an outline's box.</summary>
    public Colour Mean(Outline outline)
    {
        int left = Math.Clamp((int)outline.Left, 0, Side - 1),
            right = Math.Clamp((int)outline.Right, left, Side - 1);
        int top = Math.Clamp((int)outline.Top, 0, Side - 1),
            bottom = Math.Clamp((int)outline.Bottom, top, Side - 1);
        double r = 0,
            g = 0,
            b = 0;
        for (var y = top; y <= bottom; y++)
        for (var x = left; x <= right; x++)
        {
            var colour = this[x, y];
            (r, g, b) = (r + colour.R, g + colour.G, b + colour.B);
        }
        double count = (right - left + 1) * (bottom - top + 1);
        return new(r / count, g / count, b / count);
    }

    public RgbImage ToImage() => new(Side, Side, Array.ConvertAll(_rgb, value => (byte)(Math.Clamp(value, 0f, 1f) * 255f + 0.5f)));
}
