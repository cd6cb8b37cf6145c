namespace AgCam.Scenes.Drawing;

/// <summary>Colour of red, green and blue in [0, 1].</summary>
internal readonly record struct Colour(double R, double G, double B)
{
    public static readonly Colour White = new(1, 1, 1);
    public static readonly Colour Black = new(0, 0, 0);

    /// <param name="hue">Hue in full turns; any number.</param>
    public static Colour FromHsv(double hue, double saturation, double value)
    {
        return new(Channel(5), Channel(3), Channel(1));

        double Channel(int n)
        {
            var k = n + 6 * (hue - Math.Floor(hue));
            if (k >= 6)
                k -= 6;
            return value * (1 - saturation * Math.Clamp(Math.Min(k, 4 - k), 0, 1));
        }
    }

    public Colour Towards(Colour other, double share) =>
        new(R + (other.R - R) * share, G + (other.G - G) * share, B + (other.B - B) * share);

    /// <summary>Returns the contrast of two colours: mostly luma, partly hue and saturation. 1 between black and white.</summary>
    public double Contrast(Colour other)
    {
        double r = R - other.R,
            g = G - other.G,
            b = B - other.B;
        var luma = 0.299 * r + 0.587 * g + 0.114 * b;
        return Math.Sqrt(luma * luma + 0.25 * ((r - luma) * (r - luma) + (b - luma) * (b - luma)));
    }
}
