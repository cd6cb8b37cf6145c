using System.Globalization;
using AgCam.Tables;

namespace AgCam.Audit.Predictions;

/// <summary>
/// Class probabilities that another program computed, one row per image: an .npy array [images, classes], an .npz file with one, or a CSV,
/// JSON lines or Parquet table with a column per class. A table may also have a path and a label column.
/// </summary>
public sealed class ProbabilityTable : IDisposable
{
    /// <summary>Maximum difference of a row's sum from 1. Float16 probabilities of 1,000 classes stay below it.</summary>
    private const double SumTolerance = 0.01;

    private static readonly string[] ArrayNames = ["probs", "pred_probs", "probabilities", "predictions"];

    private readonly string _file;
    private readonly NpyArray? _array;
    private readonly TableColumns? _columns;

    private ProbabilityTable(string file, NpyArray array) => (_file, _array) = (file, array);

    private ProbabilityTable(string file, TableColumns columns) => (_file, _columns) = (file, columns);

    /// <summary>Number of classes.</summary>
    public int Classes => _array is null ? _columns!.Classes.Count : (int)_array.Shape[1];

    /// <summary>Class names from the table's header; null for an array.</summary>
    public IReadOnlyList<string>? ClassNames => _columns?.Classes;

    /// <summary>True when the table names the label of each image.</summary>
    public bool HasLabels => _columns?.Label is not null;

    /// <summary>True when the table names the path of each image.</summary>
    public bool HasPaths => _columns?.Path is not null;

    /// <exception cref="AuditException">The file holds no table of probabilities.</exception>
    public static ProbabilityTable Open(string file)
    {
        var extension = Path.GetExtension(file).ToLowerInvariant();
        if (extension is not (".npy" or ".npz"))
            return new ProbabilityTable(file, TableColumns.Read(file));
        var array = ArrayFile.Open(file, ArrayNames);
        if (array.Shape is not [_, > 0])
            throw new AuditException(
                $"{file} has the shape [{string.Join(", ", array.Shape)}]. Class probabilities need [images, classes]."
            );
        return new ProbabilityTable(file, array);
    }

    /// <summary>Reads all rows, in the same order each time.</summary>
    /// <exception cref="AuditException">A row is not a distribution. The message names it.</exception>
    public IEnumerable<ProbabilityRow> Read()
    {
        if (_array is null)
        {
            foreach (var row in _columns!.Rows(_file))
                yield return row with
                {
                    Probabilities = Checked(row.Probabilities, row.Number),
                };
            yield break;
        }
        for (var number = 0L; number < _array.Shape[0]; number++)
            yield return new ProbabilityRow(number, null, null, Checked(_array.Row(number), number));
    }

    public void Dispose() => _array?.Dispose();

    private double[] Checked(double[] values, long number)
    {
        var sum = 0.0;
        for (var i = 0; i < values.Length; i++)
        {
            if (!(values[i] >= 0 && values[i] <= 1 + SumTolerance))
                throw new AuditException(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{_file}, row {number}: the value of class {i} is {values[i]:R}, not a probability in [0, 1]. "
                            + $"Give the softmax of the logits."
                    )
                );
            sum += values[i];
        }
        return Math.Abs(sum - 1) <= SumTolerance
            ? values
            : throw new AuditException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{_file}, row {number}: the probabilities sum to {sum:0.####}, not to 1. Give the softmax over all classes."
                )
            );
    }
}

/// <param name="Number">Row in the file, from 0.</param>
/// <param name="Path">Path or name of the image, if the table has it.</param>
/// <param name="Label">Given label, if the table has it.</param>
/// <param name="Probabilities">[classes].</param>
public sealed record ProbabilityRow(long Number, string? Path, string? Label, double[] Probabilities);
