using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace AgCam.Models;

/// <summary>Computes y = x W^T + b. Weight is [out, in].</summary>
internal sealed record Linear(Tensor Weight, Tensor? Bias)
{
    public Tensor Forward(Tensor x) => F.linear(x, Weight, Bias);

    /// <summary>Returns the vector-Jacobian product y W, [.., out] -> [.., in], computed in the weights' dtype, as float32.</summary>
    public Tensor Vjp(Tensor y) => y.to(Weight.dtype).matmul(Weight).to(float32);

    /// <summary>Returns a view of some rows as a layer, e.g. the queries of a fused qkv.</summary>
    public Linear Rows(long start, long count) => new(Weight.narrow(0, start, count), Bias?.narrow(0, start, count));
}

/// <summary>Normalises over the last dimension.</summary>
internal sealed record LayerNorm(Tensor Weight, Tensor Bias, double Epsilon)
{
    public Tensor Forward(Tensor x) => F.layer_norm(x, [Weight.shape[0]], Weight, Bias, Epsilon);

    /// <summary>
    /// Returns dL/dx for y = dL/d(norm(x)): r (z - mean(z) - xh mean(z xh)), with xh the normalised x and z = w y. Shapes broadcast; the
    /// last dimension is C.
    /// </summary>
    public Tensor Vjp(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        x = x.to(float32);
        var centred = x - x.mean([-1], keepdim: true);
        var r = (centred * centred).mean([-1], keepdim: true).Plus(Epsilon).rsqrt();
        var xh = centred * r;
        var z = Weight.to(float32) * y;
        return (r * (z - z.mean([-1], keepdim: true) - xh * (z * xh).mean([-1], keepdim: true))).MoveToOuterDisposeScope();
    }
}

internal static class Activations
{
    public static Tensor Forward(this Activation activation, Tensor x) =>
        activation switch
        {
            Activation.Gelu => F.gelu(x),
            Activation.GeluTanh => F.gelu(x, GELU.Approximate.tanh),
            Activation.QuickGelu => x * sigmoid(x.Times(1.702)),
            Activation.SwiGlu => Gate(x),
            _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
        };

    /// <summary>Computes the activation in place, for inference.</summary>
    public static Tensor Overwrite(this Activation activation, Tensor x) =>
        activation switch
        {
            Activation.Gelu => x.gelu_(),
            Activation.GeluTanh => x.gelu_(GELU.Approximate.tanh),
            Activation.QuickGelu => x.mul_(sigmoid(x.Times(1.702))),
            Activation.SwiGlu => Gate(x),
            _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
        };

    /// <summary>
    /// Returns the gradient at x for the gradient g at act(x), in float32: act'(x) g, or both halves of a gated activation.
    /// </summary>
    /// <param name="x">[..., M]; [..., 2 M] for a gated activation.</param>
    /// <param name="g">[..., M]</param>
    public static Tensor Vjp(this Activation activation, Tensor x, Tensor g)
    {
        using var scope = NewDisposeScope();
        if (activation != Activation.SwiGlu)
            return (activation.Derivative(x) * g).MoveToOuterDisposeScope();
        var (a, b) = Halves(x.to(float32));
        var s = sigmoid(a);
        var slope = s * (a - a * s).Plus(1); // s (1 + a (1 - s))
        return cat([slope * b * g, a * s * g], -1).MoveToOuterDisposeScope();
    }

    private static Tensor Gate(Tensor x)
    {
        var (a, b) = Halves(x);
        return F.silu(a) * b;
    }

    private static (Tensor A, Tensor B) Halves(Tensor x)
    {
        var half = x.shape[^1] / 2;
        return (x.narrow(-1, 0, half), x.narrow(-1, half, half));
    }

    /// <summary>Returns act'(x), in float32.</summary>
    private static Tensor Derivative(this Activation activation, Tensor x)
    {
        using var scope = NewDisposeScope();
        x = x.to(float32);
        Tensor derivative;
        switch (activation)
        {
            case Activation.Gelu: // Phi(x) + x phi(x)
                derivative = erf(x.Times(Math.Sqrt(0.5)))
                    .Plus(1)
                    .Times(0.5)
                    .Plus((x * exp((x * x).Times(-0.5))).Times(1 / Math.Sqrt(2 * Math.PI)));
                break;
            case Activation.QuickGelu:
                var s = sigmoid(x.Times(1.702));
                derivative = s.Plus((x * (s - s * s)).Times(1.702)); // s + 1.702 x s (1 - s)
                break;
            case Activation.GeluTanh:
                const double Cubic = 0.044715;
                var root = Math.Sqrt(2 / Math.PI);
                var square = x * x;
                var t = tanh((x * square.Times(Cubic).Plus(1)).Times(root));
                var slope = (t * t).Times(-1).Plus(1) * square.Times(3 * Cubic).Plus(1); // (1 - t^2) (1 + 3 cubic x^2)
                derivative = t.Plus(1).Plus((x * slope).Times(root)).Times(0.5);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }

        return derivative.MoveToOuterDisposeScope();
    }
}
