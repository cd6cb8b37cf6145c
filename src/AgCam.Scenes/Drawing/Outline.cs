namespace AgCam.Scenes.Drawing;

/// <summary>
/// Shape of closed polygons, filled by the even-odd rule: a polygon inside another is a hole. Unit shapes are centred on the origin and
/// about 1 wide; y points down.
/// </summary>
internal sealed class Outline
{
    // Edge i runs from (x0[i], y0[i]) along (dx[i], dy[i]).
    private readonly double[] _x0,
        _y0,
        _dx,
        _dy,
        _inverse;

    public Outline(params (double X, double Y)[][] polygons)
    {
        Polygons = polygons;
        var edges = polygons.Sum(polygon => polygon.Length);
        (_x0, _y0, _dx, _dy, _inverse) = (new double[edges], new double[edges], new double[edges], new double[edges], new double[edges]);
        (Left, Top, Right, Bottom) = (double.MaxValue, double.MaxValue, double.MinValue, double.MinValue);
        var e = 0;
        foreach (var polygon in polygons)
            for (var i = 0; i < polygon.Length; i++, e++)
            {
                var (x, y) = polygon[i];
                var next = polygon[(i + 1) % polygon.Length];
                (_x0[e], _y0[e], _dx[e], _dy[e]) = (x, y, next.X - x, next.Y - y);
                var square = _dx[e] * _dx[e] + _dy[e] * _dy[e];
                _inverse[e] = square > 0 ? 1 / square : 0;
                (Left, Right) = (Math.Min(Left, x), Math.Max(Right, x));
                (Top, Bottom) = (Math.Min(Top, y), Math.Max(Bottom, y));
            }
    }

    public (double X, double Y)[][] Polygons { get; }

    public double Left { get; }

    public double Top { get; }

    public double Right { get; }

    public double Bottom { get; }

    /// <summary>Returns the Euclidean distance to the nearest edge, negative inside.</summary>
    public double SignedDistance(double x, double y)
    {
        var nearest = double.MaxValue;
        var inside = false;
        for (var e = 0; e < _x0.Length; e++)
        {
            double px = x - _x0[e],
                py = y - _y0[e];
            var along = Math.Clamp((px * _dx[e] + py * _dy[e]) * _inverse[e], 0, 1);
            double rx = px - along * _dx[e],
                ry = py - along * _dy[e];
            nearest = Math.Min(nearest, rx * rx + ry * ry);
            if (py < 0 != py - _dy[e] < 0 && px < py / _dy[e] * _dx[e])
                inside = !inside;
        }
        var distance = Math.Sqrt(nearest);
        return inside ? -distance : distance;
    }

    public Outline Map(Func<double, double, (double X, double Y)> map) =>
        new([.. Polygons.Select(polygon => polygon.Select(point => map(point.X, point.Y)).ToArray())]);

    /// <summary>Stretches the shape along its axes, turns it clockwise and moves it.</summary>
    public Outline Place(double width, double height, double turns, double centreX, double centreY)
    {
        double cos = Turn.Cos(turns),
            sin = Turn.Sin(turns);
        return Map((x, y) => (centreX + cos * width * x - sin * height * y, centreY + sin * width * x + cos * height * y));
    }

    /// <summary>Returns a closed curve of points at equal angles.</summary>
    public static (double X, double Y)[] Curve(int points, Func<double, (double X, double Y)> at) =>
        [.. Enumerable.Range(0, points).Select(i => at((double)i / points))];

    public static (double X, double Y)[] Circle(double radius, int points = 28, double centreX = 0, double centreY = 0) =>
        Curve(points, turns => (centreX + radius * Turn.Cos(turns), centreY + radius * Turn.Sin(turns)));
}
