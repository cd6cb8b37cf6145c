using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp.Modules;

namespace AgCam.Scenes.Training;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019) and clipping of the gradient's norm, as loops over the parameters'
/// memory. At this size it is faster than hundreds of small tensor operations. It creates no temporary scalars, which TorchSharp may free
/// while a native call still reads them.
/// </summary>
internal sealed class AdamW(IEnumerable<Parameter> parameters, double weightDecay, double clip)
{
    private const float Beta1 = 0.9f,
        Beta2 = 0.98f,
        Epsilon = 1e-8f;

    private readonly State[] _states = [.. parameters.Select(parameter => new State(parameter))];
    private int _steps;

    private sealed record State(Parameter Parameter)
    {
        public float[] Mean { get; } = new float[Parameter.numel()];

        public float[] Square { get; } = new float[Parameter.numel()];

        /// <summary>Whether the parameter is decayed: not biases, norms and embeddings.</summary>
        public bool Decays => Parameter.dim() == 2;
    }

    public void ZeroGradients()
    {
        foreach (var state in _states)
            if (state.Parameter.grad is { } gradient)
                using (gradient)
                    gradient.zero_();
    }

    public void Step(double learningRate)
    {
        _steps++;
        var squaredNorm = 0.0;
        foreach (var state in _states)
        {
            using var gradient = Gradient(state);
            foreach (var g in Floats(gradient))
                squaredNorm += (double)g * g;
        }
        var scale = (float)Math.Min(1, clip / (Math.Sqrt(squaredNorm) + 1e-6));
        var rate = (float)(learningRate / (1 - Math.Pow(Beta1, _steps)));
        var correction = (float)(1 / (1 - Math.Pow(Beta2, _steps)));
        foreach (var state in _states)
        {
            using var gradient = Gradient(state);
            Update(
                Floats(state.Parameter),
                Floats(gradient),
                state,
                scale,
                rate,
                correction,
                state.Decays ? (float)(1 - learningRate * weightDecay) : 1
            );
        }
    }

    private static void Update(
        Span<float> weights,
        Span<float> gradients,
        State state,
        float scale,
        float rate,
        float correction,
        float keep
    )
    {
        var w = MemoryMarshal.Cast<float, Vector<float>>(weights);
        var g = MemoryMarshal.Cast<float, Vector<float>>(gradients);
        var m = MemoryMarshal.Cast<float, Vector<float>>(state.Mean.AsSpan());
        var v = MemoryMarshal.Cast<float, Vector<float>>(state.Square.AsSpan());
        for (var i = 0; i < w.Length; i++)
        {
            var clipped = g[i] * scale;
            m[i] = Beta1 * m[i] + (1 - Beta1) * clipped;
            v[i] = Beta2 * v[i] + (1 - Beta2) * clipped * clipped;
            w[i] = w[i] * keep - rate * m[i] / (Vector.SquareRoot(v[i] * correction) + new Vector<float>(Epsilon));
        }
        for (var i = w.Length * Vector<float>.Count; i < weights.Length; i++)
        {
            var clipped = gradients[i] * scale;
            state.Mean[i] = Beta1 * state.Mean[i] + (1 - Beta1) * clipped;
            state.Square[i] = Beta2 * state.Square[i] + (1 - Beta2) * clipped * clipped;
            weights[i] = weights[i] * keep - rate * state.Mean[i] / (MathF.Sqrt(state.Square[i] * correction) + Epsilon);
        }
    }

    private static TorchSharp.torch.Tensor Gradient(State state) =>
        state.Parameter.grad ?? throw new InvalidOperationException("A parameter has no gradient: the loss does not depend on it.");

    private static Span<float> Floats(TorchSharp.torch.Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
