namespace AgCam.Audit;

/// <summary>
/// Sums numbers of magnitude below 2^40 in fixed point (2^-60). Integer addition is associative, so the sum does not depend on the order
/// of the numbers or on how they are split into shards.
/// </summary>
internal struct ExactSum
{
    private const double Scale = 1L << 60;

    private Int128 _units;

    public readonly double Value => (double)_units / Scale;

    public void Add(double value) => _units += (Int128)Math.Round(value * Scale);

    public void Add(ExactSum other) => _units += other._units;
}
