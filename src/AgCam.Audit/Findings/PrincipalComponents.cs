using System.Numerics.Tensors;

namespace AgCam.Audit.Findings;

/// <summary>
/// Finds the first principal components of a few long vectors, by power iteration on their Gram matrix: its eigenvectors are the
/// coordinates, and it is smaller than the covariance.
/// </summary>
internal static class PrincipalComponents
{
    private const int MaximumSteps = 200;
    private const double Tolerance = 1e-10; // change of an eigenvector, squared
    private const double Rest = 1e-9; // share of the variance that rounding may leave

    /// <param name="rows">Vectors of one length. Their mean is subtracted in place.</param>
    /// <returns>Per component its direction, of length 1, and the coordinate of each row. Fewer when no variance is left.</returns>
    public static List<(double[] Direction, double[] Coordinates)> Of(double[][] rows, int count)
    {
        Centre(rows);
        double[][] gram = [.. rows.Select(left => (double[])[.. rows.Select(right => TensorPrimitives.Dot<double>(left, right))])];
        var all = Variance(gram);
        var found = new List<(double[], double[])>();
        while (found.Count < count && Variance(gram) > Rest * all)
        {
            var vector = Eigenvector(gram);
            var value = TensorPrimitives.Dot<double>(vector, Times(gram, vector));
            if (value <= Rest * all)
                break;
            var direction = new double[rows[0].Length];
            for (var i = 0; i < rows.Length; i++)
            {
                TensorPrimitives.MultiplyAdd(rows[i], vector[i], direction, direction);
                TensorPrimitives.MultiplyAdd(vector, -value * vector[i], gram[i], gram[i]);
            }
            Normalise(direction);
            var length = Math.Sqrt(value);
            found.Add((direction, Array.ConvertAll(vector, part => length * part)));
        }
        return found;
    }

    private static void Centre(double[][] rows)
    {
        var mean = new double[rows[0].Length];
        foreach (var row in rows)
            TensorPrimitives.Add(mean, row, mean);
        TensorPrimitives.Divide(mean, rows.Length, mean);
        foreach (var row in rows)
            TensorPrimitives.Subtract(row, mean, row);
    }

    private static double Variance(double[][] gram) => gram.Select((row, i) => row[i]).Sum();

    private static double[] Eigenvector(double[][] gram)
    {
        // The row of the longest vector: not orthogonal to the first component, except by construction.
        var vector = (double[])gram[Enumerable.Range(0, gram.Length).MaxBy(i => gram[i][i])].Clone();
        Normalise(vector);
        for (var step = 0; step < MaximumSteps; step++)
        {
            var next = Times(gram, vector);
            Normalise(next);
            var change = 2 - (2 * TensorPrimitives.Dot<double>(next, vector));
            vector = next;
            if (change < Tolerance)
                break;
        }
        return vector;
    }

    private static double[] Times(double[][] matrix, double[] vector) =>
        Array.ConvertAll(matrix, row => TensorPrimitives.Dot<double>(row, vector));

    private static void Normalise(double[] values) => TensorPrimitives.Divide(values, TensorPrimitives.Norm<double>(values), values);
}
