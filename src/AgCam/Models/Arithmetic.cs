using TorchSharp;
using static TorchSharp.torch;

namespace AgCam.Models;

/// <summary>
/// Sums and products with numbers. TorchSharp turns the number of <c>2 * x</c>, and the hidden factor 1 of <c>x + y</c> (but not of
/// <c>x - y</c>), into a native scalar
/// that nothing refers to during the call: a garbage collection on another thread can free it while the native code still reads it.
/// Here the
/// scalar lives until the call is over. The path that every image takes uses these.
/// </summary>
internal static class Arithmetic
{
    public static Tensor Plus(this Tensor x, Tensor y)
    {
        using Scalar item = 1;
        return x.add(y, item);
    }

    public static Tensor Plus(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.add(scalar);
    }

    public static Tensor Times(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.mul(scalar);
    }

    public static Tensor Over(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.div(scalar);
    }

    /// <summary>Overwrites x.</summary>
    public static Tensor PlusInPlace(this Tensor x, Tensor y)
    {
        using Scalar item = 1;
        return x.add_(y, item);
    }

    /// <summary>Overwrites x.</summary>
    public static Tensor TimesInPlace(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.mul_(scalar);
    }

    /// <summary>Overwrites x.</summary>
    public static Tensor OverInPlace(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.div_(scalar);
    }
}
