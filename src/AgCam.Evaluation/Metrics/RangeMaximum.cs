using System.Numerics;

namespace AgCam.Evaluation.Metrics;

/// <summary>
/// Stores values with keys for ranges of indices and returns for every index the value with the highest key. A range is covered by two
/// blocks whose length is a power of two. Blocks are propagated to their halves once at the end, so a raise costs the same for every range.
/// </summary>
internal sealed class RangeMaximum
{
    private readonly int _count;
    private readonly (double Key, double Value)[][] _blocks; // [log2 length][start]

    public RangeMaximum(int count)
    {
        _count = count;
        _blocks = new (double, double)[BitOperations.Log2((uint)count) + 1][];
        for (var i = 0; i < _blocks.Length; i++)
        {
            _blocks[i] = new (double, double)[count];
            Array.Fill(_blocks[i], (double.NegativeInfinity, 0));
        }
    }

    /// <param name="last">Inclusive.</param>
    public void Raise(int first, int last, double key, double value)
    {
        var size = BitOperations.Log2((uint)(last - first + 1));
        Raise(ref _blocks[size][first], key, value);
        Raise(ref _blocks[size][last + 1 - (1 << size)], key, value);
    }

    /// <summary>Propagates all blocks and returns the values, 0 where nothing was raised. No raise may follow.</summary>
    public double[] Values()
    {
        for (var size = _blocks.Length - 1; size > 0; size--)
        {
            var half = 1 << (size - 1);
            for (var start = 0; start + 2 * half <= _count; start++)
            {
                var (key, value) = _blocks[size][start];
                Raise(ref _blocks[size - 1][start], key, value);
                Raise(ref _blocks[size - 1][start + half], key, value);
            }
        }
        return Array.ConvertAll(_blocks[0], block => block.Value);
    }

    private static void Raise(ref (double Key, double Value) block, double key, double value)
    {
        if (key > block.Key)
            block = (key, value);
    }
}
