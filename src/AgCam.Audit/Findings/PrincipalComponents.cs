using System.Numerics.Tensors;

namespace AgCam.Audit.Findings;

/// <summary>Finds the first principal components of a few vectors by power iteration.</summary>
internal static class PrincipalComponents
{
    private const int MaximumSteps = 200;
    private const double Tolerance = 1e-10; // change of a direction, squared

    /// <param name="rows">Vectors of one length. Their mean is subtracted in place, then each component's part.</param>
    /// <returns>Per component its direction, of length 1, and the coordinate of each row. Fewer when the rows have no more
    /// variance.</returns>
    public static List<(double[] Direction, double[] Coordinates)> Of(double[][] rows, int count)
    {
        var width = rows[0].Length;
        var mean = new double[width];
        foreach (var row in rows)
            TensorPrimitives.Add(mean, row, mean);
        TensorPrimitives.Divide(mean, rows.Length, mean);
        foreach (var row in rows)
            TensorPrimitives.Subtract(row, mean, row);
        var all = Variance(rows);
        var found = new List<(double[], double[])>();
        while (found.Count < count && Variance(rows) > 1e-9 * all)
        {
            var direction = Direction(rows);
            double[] coordinates = [.. rows.Select(row => TensorPrimitives.Dot<double>(row, direction))];
            for (var i = 0; i < rows.Length; i++)
                TensorPrimitives.MultiplyAdd(direction, -coordinates[i], rows[i], rows[i]);
            found.Add((direction, coordinates));
        }
        return found;
    }

    private static double Variance(double[][] rows) => rows.Sum(row => TensorPrimitives.SumOfSquares<double>(row));

    private static double[] Direction(double[][] rows)
    {
        // The longest row is not orthogonal to the first component, except by construction.
        var direction = (double[])rows.MaxBy(row => TensorPrimitives.SumOfSquares<double>(row))!.Clone();
        Normalise(direction);
        for (var step = 0; step < MaximumSteps; step++)
        {
            var next = new double[direction.Length];
            foreach (var row in rows)
                TensorPrimitives.MultiplyAdd(row, TensorPrimitives.Dot<double>(row, direction), next, next);
            Normalise(next);
            var change = 2 - (2 * TensorPrimitives.Dot<double>(next, direction));
            direction = next;
            if (change < Tolerance)
                break;
        }
        return direction;
    }

    private static void Normalise(double[] values) => TensorPrimitives.Divide(values, TensorPrimitives.Norm<double>(values), values);
}
