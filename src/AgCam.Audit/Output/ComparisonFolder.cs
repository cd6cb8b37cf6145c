using System.Globalization;
using System.Text.Json.Nodes;
using AgCam.Audit.Comparison;
using AgCam.Audit.Gates;

namespace AgCam.Audit.Output;

/// <summary>Writes the files of a comparison into one folder. Each file is replaced as a whole.</summary>
internal static class ComparisonFolder
{
    /// <param name="folder">Created when it does not exist.</param>
    /// <param name="images">Compared images; none for a drift, which pairs no images.</param>
    public static void Write(
        string folder,
        ComparisonReport report,
        IReadOnlyList<ImageComparison> images,
        IReadOnlyList<GateOutcome> gates
    )
    {
        Write(folder, "compare.json", stream => ComparisonJson.Write(stream, report, gates));
        Write(folder, "junit.xml", stream => JUnit.Write(stream, gates));
        Write(folder, "metrics.json", stream => Text(stream, writer => writer.Write(Metrics(report).ToJsonString())));
        if (report.Mode == ComparisonMode.Paired)
            Write(folder, "images.csv", stream => Text(stream, writer => Images(writer, images)));
    }

    public static void Write(string folder, string name, Action<Stream> write)
    {
        using var file = new AtomicFile(Path.Combine(folder, name));
        write(file.Stream);
        file.Commit();
    }

    private static void Text(Stream stream, Action<TextWriter> write)
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        write(writer);
    }

    private static JsonObject Metrics(ComparisonReport report)
    {
        var metrics = new JsonObject { ["images"] = report.Shared };
        foreach (var metric in report.Metrics)
            if (metric.Value is { } value)
            {
                metrics[metric.Name] = value.Mean;
                metrics[$"{metric.Name}.low"] = value.Low;
                metrics[$"{metric.Name}.high"] = value.High;
            }
        return metrics;
    }

    private static void Images(TextWriter to, IReadOnlyList<ImageComparison> images)
    {
        var measures = MapMeasure.All.Select(measure => measure.Name.Replace('-', '_')).ToList();
        to.Write(
            "sha256,path_a,path_b,number_a,number_b,class,predicted_a,predicted_b,correct_a,correct_b,agrees,"
                + $"{string.Join(',', measures)},{string.Join(',', measures.Select(name => $"{name}_floor"))},box_iou\r\n"
        );
        foreach (var image in images)
            to.Write(string.Join(',', Cells(image)) + "\r\n");
    }

    private static IEnumerable<string> Cells(ImageComparison image) =>
        [
            image.Sha256.ToString(),
            Csv.Cell(image.A.Uri),
            Csv.Cell(image.B.Uri),
            image.A.Number.ToString(CultureInfo.InvariantCulture),
            image.B.Number.ToString(CultureInfo.InvariantCulture),
            Csv.Cell(image.Class),
            Csv.Cell(image.A.Predicted ?? ""),
            Csv.Cell(image.B.Predicted ?? ""),
            Bool(image.CorrectA),
            Bool(image.CorrectB),
            Bool(image.Agrees),
            .. image.Similarity.Concat(image.Floor).Append(image.BoxIou).Select(Number),
        ];

    private static string Bool(bool? value) =>
        value switch
        {
            null => "",
            true => "true",
            false => "false",
        };

    private static string Number(double value) => double.IsNaN(value) ? "" : value.ToString("R", CultureInfo.InvariantCulture);
}
