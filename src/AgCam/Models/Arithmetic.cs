using TorchSharp;
using static TorchSharp.torch;

namespace AgCam.Models;

/// <summary>
/// Adds, multiplies and divides tensors by numbers without TorchSharp's operators. An operator (<c>2 * x</c>, <c>x + y</c>) keeps no
/// reference to its native scalar, so the garbage collector can free it during the call. These methods keep the scalar until the call
/// returns.
/// </summary>
internal static class Arithmetic
{
    public static Tensor Plus(this Tensor x, Tensor y)
    {
        using Scalar alpha = 1;
        return x.add(y, alpha);
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

    /// <summary>Overwrites <paramref name="x"/>.</summary>
    public static Tensor PlusInPlace(this Tensor x, Tensor y)
    {
        using Scalar alpha = 1;
        return x.add_(y, alpha);
    }

    /// <summary>Overwrites <paramref name="x"/>.</summary>
    public static Tensor TimesInPlace(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.mul_(scalar);
    }

    /// <summary>Overwrites <paramref name="x"/>.</summary>
    public static Tensor OverInPlace(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.div_(scalar);
    }
}
