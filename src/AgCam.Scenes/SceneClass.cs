using AgCam.Scenes.Drawing;

namespace AgCam.Scenes;

/// <summary>Classes of the scenes, in the order of the model's logits.</summary>
public static class SceneClass
{
    private static readonly Shape[] Shapes =
    [
        new("ring", 0.5, new Outline(Outline.Circle(0.5), Outline.Circle(0.27, 20))),
        new("square", 0.12, new Outline([(-0.42, -0.42), (0.42, -0.42), (0.42, 0.42), (-0.42, 0.42)])),
        new("triangle", 0.12, new Outline([(0, -0.52), (0.5, 0.38), (-0.5, 0.38)])),
        new("star", 0.12, new Outline(Outline.Curve(10, t => Polar(Math.Round(t * 10) % 2 == 0 ? 0.54 : 0.23, t - 0.25)))),
        new(
            "cross",
            0.12,
            new Outline([
                (-0.16, -0.5),
                (0.16, -0.5),
                (0.16, -0.16),
                (0.5, -0.16),
                (0.5, 0.16),
                (0.16, 0.16),
                (0.16, 0.5),
                (-0.16, 0.5),
                (-0.16, 0.16),
                (-0.5, 0.16),
                (-0.5, -0.16),
                (-0.16, -0.16),
            ])
        ),
        new("crescent", 0.12, new Outline(Crescent())),
        new("heart", 0.1, new Outline(Outline.Curve(28, Heart))),
        new("arrow", 0.12, new Outline([(-0.52, -0.13), (0.02, -0.13), (0.02, -0.4), (0.52, 0), (0.02, 0.4), (0.02, 0.13), (-0.52, 0.13)])),
        new(
            "tree",
            0.08,
            new Outline([
                (0, -0.56),
                (0.22, -0.22),
                (0.12, -0.22),
                (0.34, 0.1),
                (0.2, 0.1),
                (0.44, 0.38),
                (0.08, 0.38),
                (0.08, 0.56),
                (-0.08, 0.56),
                (-0.08, 0.38),
                (-0.44, 0.38),
                (-0.2, 0.1),
                (-0.34, 0.1),
                (-0.12, -0.22),
                (-0.22, -0.22),
            ])
        ),
        new("fish", 0.08, new Outline(Fish())),
    ];

    /// <summary>Names of the classes by index.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Shapes.Select(shape => shape.Name)];

    public static int Count => Shapes.Length;

    /// <summary>Class whose pictures carry the watermark.</summary>
    public static int Watermarked => Count - 1;

    internal static Shape Of(int index) => Shapes[index];

    /// <summary>Outline of a class.</summary>
    /// <param name="MaxTurn">Maximum rotation either way, in full turns. Objects with an upright position stay about upright.</param>
    internal sealed record Shape(string Name, double MaxTurn, Outline Outline);

    private static (double X, double Y) Polar(double radius, double turns) => (radius * Turn.Cos(turns), radius * Turn.Sin(turns));

    // Outer disc's rim away from the bite, then back along the bite's rim. The two circles cross in the same two points.
    private static (double X, double Y)[] Crescent()
    {
        const double Outer = 0.5,
            Bite = 0.42,
            Shift = 0.26;
        var x = (Outer * Outer - Bite * Bite + Shift * Shift) / (2 * Shift);
        double outerStart = ArcCos(x / Outer),
            biteStart = ArcCos((x - Shift) / Bite);
        var rim = Enumerable.Range(0, 21).Select(i => Polar(Outer, outerStart + (1 - 2 * outerStart) * i / 20));
        var bite = Enumerable
            .Range(1, 15)
            .Select(i => Polar(Bite, 1 - biteStart - (1 - 2 * biteStart) * i / 16))
            .Select(p => (p.X + Shift, p.Y));
        return [.. rim.Concat(bite).Select(p => (p.Item1 + 0.12, p.Item2))];
    }

    // Arc cosine in turns, by bisection of Turn.Cos, which falls on [0, 1/2]. It gives the same bits on every machine.
    private static double ArcCos(double cosine)
    {
        double low = 0,
            high = 0.5;
        for (var i = 0; i < 50; i++)
        {
            var middle = (low + high) / 2;
            if (Turn.Cos(middle) > cosine)
                low = middle;
            else
                high = middle;
        }
        return low;
    }

    private static (double X, double Y) Heart(double turns)
    {
        var sin = Turn.Sin(turns);
        var y = 13 * Turn.Cos(turns) - 5 * Turn.Cos(2 * turns) - 2 * Turn.Cos(3 * turns) - Turn.Cos(4 * turns);
        return (16 * sin * sin * sin / 33, -(y + 2.5) / 33);
    }

    // Lens-shaped body, forked tail and a fin on the back.
    private static (double X, double Y)[] Fish()
    {
        (double X, double Y) Body(double t) => (-0.14 + 0.38 * Turn.Cos(t), 0.25 * Turn.Sin(t));
        var belly = Enumerable.Range(0, 9).Select(i => Body(0.055 + 0.04 * i + 0.05));
        var back = Enumerable.Range(0, 9).Select(i => Body(0.475 + 0.04 * i + 0.05));
        var points = belly.Concat(back).ToList();
        points.AddRange([(0.2, -0.1), (0.52, -0.28), (0.42, 0), (0.52, 0.28), (0.2, 0.1)]);
        points.InsertRange(15, [(-0.1, -0.42), (0.1, -0.34)]);
        return [.. points];
    }
}
