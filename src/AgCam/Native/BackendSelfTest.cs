using static TorchSharp.torch;

namespace AgCam.Native;

/// <summary>
/// Compares libtorch's operations that the methods use with plain C#. An incompatible build can load and compute wrong results.
/// </summary>
public static class BackendSelfTest
{
    private const int Rows = 5,
        Inner = 8,
        Columns = 3;

    /// <summary>
    /// Returns one sentence for each fault; empty when every check passes. Run it in a separate process: an incompatible build may crash.
    /// </summary>
    public static IReadOnlyList<string> Run()
    {
        var faults = new List<string>();
        using var scope = NewDisposeScope();
        var left = Values(Rows * Inner, 0.37f);
        var right = Values(Inner * Columns, -0.21f);
        Check("shapes", () => Shapes(left));
        Check(
            "item()",
            () =>
                tensor(left).view(Rows, Inner)[3, 2].item<float>() == left[(3 * Inner) + 2]
                && tensor(new long[] { 7, 11 })[1].item<long>() == 11
                    ? null
                    : "it returned another element"
        );
        Check(
            "a matrix product",
            () => Difference(matmul(tensor(left).view(Rows, Inner), tensor(right).view(Inner, Columns)), Product(left, right))
        );
        Check(
            "layer_norm",
            () => Difference(nn.functional.layer_norm(tensor(left).view(Rows, Inner), [Inner], eps: 1e-6), LayerNorm(left))
        );
        Check("gelu", () => Difference(nn.functional.gelu(tensor(left)), [.. left.Select(Gelu)]));
        Check(
            "scaled_dot_product_attention",
            () =>
            {
                var tokens = tensor(left).view(1, 1, Rows, Inner);
                return Difference(nn.functional.scaled_dot_product_attention(tokens, tokens, tokens), Attention(left));
            }
        );
        Check(
            "inference_mode",
            () =>
            {
                using var inference = inference_mode();
                return Difference(
                    tensor(left).view(Rows, Inner).t().contiguous().mul_(2).sum(1),
                    [.. Enumerable.Range(0, Inner).Select(c => 2 * Enumerable.Range(0, Rows).Sum(r => (double)left[(r * Inner) + c]))]
                );
            }
        );
        return faults;

        void Check(string operation, Func<string?> test)
        {
            try
            {
                if (test() is { } fault)
                    faults.Add($"{operation}: {fault}.");
            }
            catch (Exception error)
            {
                faults.Add($"{operation}: {error.GetType().Name}, {error.Message.Split('\n')[0]}");
            }
        }
    }

    private static string? Shapes(float[] values)
    {
        var grid = tensor(values).view(Rows, Inner);
        var turned = grid.transpose(0, 1).unsqueeze(0);
        return grid.numel() == values.Length && turned.shape.SequenceEqual([1, Inner, Rows]) && turned.stride(1) == 1
            ? null
            : $"[{string.Join(", ", turned.shape)}] returned for [1, {Inner}, {Rows}]";
    }

    private static string? Difference(Tensor actual, double[] expected)
    {
        var values = actual.contiguous().view(-1).data<float>().ToArray();
        if (values.Length != expected.Length)
            return $"{values.Length} values returned instead of {expected.Length}";
        var worst = values.Zip(expected, (a, e) => Math.Abs(a - e)).Max();
        return worst <= 1e-5 ? null : FormattableString.Invariant($"off by up to {worst:G3}"); // NaN is not <= 1e-5 either
    }

    private static float[] Values(int count, float phase) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i + phase))];

    private static double[] Product(float[] left, float[] right)
    {
        var product = new double[Rows * Columns];
        for (var r = 0; r < Rows; r++)
        for (var c = 0; c < Columns; c++)
        for (var i = 0; i < Inner; i++)
            product[(r * Columns) + c] += (double)left[(r * Inner) + i] * right[(i * Columns) + c];
        return product;
    }

    private static double[] LayerNorm(float[] values) =>
        [
            .. values
                .Chunk(Inner)
                .SelectMany(row =>
                {
                    var mean = row.Average(value => (double)value);
                    var deviation = Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + 1e-6);
                    return row.Select(value => (value - mean) / deviation);
                }),
        ];

    // softmax(X X^T / sqrt(d)) X
    private static double[] Attention(float[] tokens)
    {
        var rows = tokens.Chunk(Inner).ToArray();
        return
        [
            .. rows.SelectMany(query =>
            {
                var weights = rows.Select(key => Math.Exp(key.Zip(query, (k, q) => (double)k * q).Sum() / Math.Sqrt(Inner))).ToArray();
                return Enumerable.Range(0, Inner).Select(i => rows.Zip(weights, (row, weight) => weight * row[i]).Sum() / weights.Sum());
            }),
        ];
    }

    private static double Gelu(float x) => 0.5 * x * (1 + Erf(x / Math.Sqrt(2)));

    // Taylor's series; the arguments are below 1.
    private static double Erf(double x)
    {
        double term = x,
            sum = x;
        for (var n = 1; n < 40; n++)
        {
            term *= -x * x / n;
            sum += term / ((2 * n) + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }
}
