namespace AgCam.Scenes.Drawing;

/// <summary>
/// Sine and cosine of angles in full turns, from additions and products only. Math.Sin depends on the system's C library and may differ in
/// the last bit; these give the same pictures on every machine.
/// </summary>
internal static class Turn
{
    public static double Sin(double turns) => Cos(turns - 0.25);

    public static double Cos(double turns)
    {
        turns -= Math.Floor(turns + 0.5); // [-1/2, 1/2)
        turns = Math.Abs(turns);
        return turns <= 0.125 ? CosNearZero(turns)
            : turns <= 0.375 ? SinNearZero(0.25 - turns)
            : -CosNearZero(0.5 - turns);
    }

    private static double CosNearZero(double turns)
    {
        var x = turns * (2 * Math.PI);
        var s = x * x;
        return 1 - s / 2 * (1 - s / 12 * (1 - s / 30 * (1 - s / 56 * (1 - s / 90 * (1 - s / 132)))));
    }

    private static double SinNearZero(double turns)
    {
        var x = turns * (2 * Math.PI);
        var s = x * x;
        return x * (1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72 * (1 - s / 110 * (1 - s / 156))))));
    }
}
