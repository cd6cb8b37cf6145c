using System.Text.Json;
using AgCam.Evaluation.Datasets;

namespace AgCam.Evaluation.Presets;

/// <summary>Published results to compare with the measured ones: {"source": "...", "methods": {"agcam": {"iou": 0.5, ...}}}.</summary>
/// <param name="Source">Source as the file states it.</param>
public sealed record PublishedNumbers(string Source, IReadOnlyList<(string Method, Metric Metric, double Value)> Values)
{
    /// <exception cref="DatasetException">The file cannot be read, names an unknown metric, or gives percentages.</exception>
    public static PublishedNumbers Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(path));
            var values = new List<(string, Metric, double)>();
            foreach (var method in json.RootElement.GetProperty("methods").EnumerateObject())
            foreach (var number in method.Value.EnumerateObject())
            {
                var metric =
                    Metric.All.FirstOrDefault(metric => metric.Name == number.Name)
                    ?? throw new DatasetException(
                        $"{path}: unknown metric {number.Name}. Use one of "
                            + $"{string.Join(", ", Metric.All.Select(metric => metric.Name))}."
                    );
                var value = number.Value.GetDouble();
                if (metric.Name is not ("energyLift" or "maxSensitivity") && value is < -1 or > 1)
                    throw new DatasetException(
                        $"{path}: {method.Name}'s {metric.Name} is {number.Value}. Give shares, not percentages: 0.452 for 45.2 %."
                    );
                values.Add((method.Name, metric, value));
            }

            return new PublishedNumbers(
                json.RootElement.TryGetProperty("source", out var source) ? source.GetString() ?? path : path,
                values
            );
        }
        catch (Exception error)
            when (error
                    is JsonException
                        or KeyNotFoundException
                        or InvalidOperationException
                        or FormatException
                        or IOException
                        or UnauthorizedAccessException
            )
        {
            throw new DatasetException(
                $"{path} is not a file of published numbers such as {{\"source\": \"...\", \"methods\": {{\"agcam\": "
                    + $"{{\"iou\": 0.5}}}}}}: {error.Message}",
                error
            );
        }
    }

    /// <summary>Returns each number with the measured value of the same metric; null where it was not measured.</summary>
    public IReadOnlyList<(string Method, Metric Metric, double Value, MetricSummary? Measured)> Beside(
        IReadOnlyList<MethodSummary> methods
    ) =>
        [
            .. Values.Select(number =>
                (
                    number.Method,
                    number.Metric,
                    number.Value,
                    methods
                        .FirstOrDefault(method => method.Name == number.Method)
                        ?.Metrics.FirstOrDefault(metric => metric.Metric == number.Metric)
                )
            ),
        ];
}
