using System.IO.Compression;
using System.Text;
using AgCam.Audit.Predictions;
using Xunit;

namespace AgCam.Audit.Tests;

public sealed class PredictionFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-audit-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("<f4", false)]
    [InlineData("<f8", false)]
    [InlineData("<f2", false)]
    [InlineData("<f4", true)]
    public void Npy_of_either_order_and_any_float_holds_the_same_rows(string type, bool isFortran)
    {
        var file = Write(
            "p.npy",
            Npy(type, "(2, 3)", isFortran, isFortran ? [0.5, 0, 0.25, 0.25, 0.25, 0.75] : [0.5, 0.25, 0.25, 0, 0.25, 0.75])
        );
        Assert.Equal(
            [
                [0.5, 0.25, 0.25],
                [0, 0.25, 0.75],
            ],
            Rows(file)
        );
    }

    [Fact]
    public void Npz_with_one_array_or_a_usual_name_is_read()
    {
        var array = Npy("<f8", "(1, 2)", false, [0.25, 0.75]);
        Assert.Equal(
            [
                [0.25, 0.75],
            ],
            Rows(Npz("one.npz", ("anything", array)))
        );
        Assert.Equal(
            [
                [0.25, 0.75],
            ],
            Rows(Npz("two.npz", ("labels", Npy("<i8", "(1,)", false, [1])), ("pred_probs", array)))
        );
    }

    [Fact]
    public void Npz_without_a_usual_name_is_refused_with_the_names_it_has()
    {
        var array = Npy("<f8", "(1, 2)", false, [0.25, 0.75]);
        Assert.Contains("first, second", Refusal(Npz("two.npz", ("first", array), ("second", array))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cat,dog\n0.25,0.75\n1,0\n")]
    [InlineData("cat;dog\n0.25;0.75\n1;0\n")]
    [InlineData("0.25,0.75\n1,0\n")]
    [InlineData("0,1\n0.25,0.75\n1,0\n")]
    [InlineData("path,cat,dog,label\na.jpg,0.25,0.75,cat\nb.jpg,1,0,dog\n")]
    public void Csv_has_a_column_for_each_class_beside_path_and_label(string text) =>
        Assert.Equal(
            [
                [0.25, 0.75],
                [1, 0],
            ],
            Rows(Write("p.csv", Encoding.UTF8.GetBytes(text)))
        );

    [Fact]
    public void Json_lines_have_a_field_for_each_class() =>
        Assert.Equal(
            [
                [0.25, 0.75],
            ],
            Rows(Write("p.jsonl", """{"path":"a.jpg","cat":0.25,"dog":0.75}"""u8.ToArray()))
        );

    [Theory]
    [InlineData("cat,dog\n0.25,0.8\n", "row 0", "sum to 1.05")]
    [InlineData("cat,dog\n0.5,0.5\n-3,4\n", "row 1", "the value of class 0 is -3")]
    [InlineData("cat,dog\nNaN,1\n", "row 0", "the value of class 0 is NaN")]
    [InlineData("cat,dog\n0.5,x\n", "line 2", "column \"dog\" is not a number")]
    [InlineData("", "p.csv", "holds no rows")]
    public void Row_that_is_no_distribution_is_refused_with_its_place_and_reason(string text, string place, string reason)
    {
        var message = Refusal(Write("p.csv", Encoding.UTF8.GetBytes(text)));
        Assert.Contains(place, message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Array_of_another_shape_is_refused_with_its_shape() =>
        Assert.Contains("[4]", Refusal(Write("p.npy", Npy("<f4", "(4,)", false, [1, 0, 0, 0]))), StringComparison.Ordinal);

    [Fact]
    public void Labels_are_found_by_row_or_by_path()
    {
        var byRow = GivenLabels.Open(Write("l.npy", Npy("|u1", "(2,)", false, [1, 0])), byPath: false);
        var byPath = GivenLabels.Open(Write("l.csv", "path,label\nb.jpg,dog\na.jpg,cat\n"u8.ToArray()), byPath: true);
        Assert.Equal(["1", "0"], [byRow.Find(0, null), byRow.Find(1, null)]);
        Assert.Equal(["cat", "dog", null], [byPath.Find(0, "a.jpg"), byPath.Find(1, "b.jpg"), byPath.Find(2, "c.jpg")]);
    }

    [Fact]
    public void Labels_of_another_number_of_images_are_refused_with_both_numbers()
    {
        using var probabilities = ProbabilityTable.Open(Write("p.npy", Npy("<f8", "(1, 2)", false, [0.25, 0.75])));
        var labels = GivenLabels.Open(Write("l.npy", Npy("<i4", "(3,)", false, [0, 1, 0])), byPath: false);
        var rows = new LabelledProbabilities(probabilities, labels, null);
        var error = Assert.Throws<AuditException>(() => rows.Read().Count());
        Assert.Contains("1 rows of probabilities and 3 labels", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Label_that_is_no_class_is_counted_and_leaves_the_image_unlabelled()
    {
        using var probabilities = ProbabilityTable.Open(Write("p.csv", "cat,dog,label\n0.5,0.5,wolf\n0.5,0.5,dog\n0.5,0.5,\n"u8.ToArray()));
        var rows = new LabelledProbabilities(probabilities, null, null);
        Assert.Equal([null, 1, null], rows.Read().Select(row => row.Label));
        Assert.Equal([new KeyValuePair<string, long>("wolf", 1)], rows.Labels.Unknown);
        Assert.Equal(1, rows.Labels.Unlabelled);
    }

    private static List<double[]> Rows(string file)
    {
        using var table = ProbabilityTable.Open(file);
        return [.. table.Read().Select(row => row.Probabilities)];
    }

    private static string Refusal(string file) => Assert.Throws<AuditException>(() => Rows(file)).Message;

    private string Write(string name, byte[] bytes)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private string Npz(string name, params (string Name, byte[] Array)[] arrays)
    {
        var path = Path.Combine(_folder, name);
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (entry, array) in arrays)
            using (var stream = zip.CreateEntry(entry + ".npy").Open())
                stream.Write(array);
        return path;
    }

    /// <param name="values">In the order of the file.</param>
    private static byte[] Npy(string type, string shape, bool isFortran, double[] values)
    {
        var header = $"{{'descr': '{type}', 'fortran_order': {isFortran}, 'shape': {shape}, }}";
        header = header.PadRight(64 - 10 + 63) + "\n";
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write([0x93, .. "NUMPY"u8, 1, 0]);
        writer.Write((ushort)header.Length);
        writer.Write(Encoding.Latin1.GetBytes(header));
        foreach (var value in values)
            switch (type)
            {
                case "<f2":
                    writer.Write((Half)value);
                    break;
                case "<f4":
                    writer.Write((float)value);
                    break;
                case "<f8":
                    writer.Write(value);
                    break;
                case "|u1":
                    writer.Write((byte)value);
                    break;
                case "<i4":
                    writer.Write((int)value);
                    break;
                default:
                    writer.Write((long)value);
                    break;
            }
        return bytes.ToArray();
    }
}
