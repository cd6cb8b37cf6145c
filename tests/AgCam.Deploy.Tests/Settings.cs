using System.Collections;
using System.Reflection;
using System.Text.RegularExpressions;
using AgCam.Api;
using AgCam.Pipeline;
using AgCam.Worker;

namespace AgCam.Deploy.Tests;

/// <summary>Lists every environment variable that the program reads, from the types of the options.</summary>
internal static class Settings
{
    private static readonly string[] Foreign =
    [
        "OTEL_EXPORTER_OTLP_ENDPOINT", // read by OpenTelemetry
        "DOTNET_EnableDiagnostics",
        "HOME", // read by the runtime and the system
        "NVIDIA_VISIBLE_DEVICES",
        "NVIDIA_DRIVER_CAPABILITIES", // read by the container toolkit
    ];

    private static readonly Regex[] Known =
    [
        .. Sections().SelectMany(section => Below(section.Name, section.Options)).Select(pattern => new Regex($"^{pattern}$")),
    ];

    /// <summary>Returns the variables that neither the program nor a known library reads.</summary>
    public static IEnumerable<string> Unknown(IEnumerable<string> names) =>
        names.Where(name => !Foreign.Contains(name) && !Known.Any(known => known.IsMatch(name)));

    private static IEnumerable<(string Name, Type Options)> Sections() =>
        [
            ("Pipeline", typeof(PipelineOptions)),
            ("Api", typeof(ApiOptions)),
            ("Worker", typeof(WorkerOptions)),
            ("Telemetry", typeof(PipelineOptions).Assembly.GetType("AgCam.Pipeline.Telemetry.TelemetryOptions", throwOnError: true)!),
        ];

    private static IEnumerable<string> Below(string prefix, Type type)
    {
        foreach (var property in type.GetProperties(BindingFlags.Instance | BindingFlags.Public).Where(property => property.CanWrite))
        foreach (var pattern in Of($"{prefix}__{property.Name}", property.PropertyType))
            yield return pattern;
    }

    private static IEnumerable<string> Of(string name, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string) || type.IsPrimitive || type.IsEnum)
            return [name];
        if (!type.IsAssignableTo(typeof(IEnumerable)))
            return Below(name, type);
        var arguments = type.GetGenericArguments();
        return Of(arguments.Length == 2 ? $"{name}__[A-Za-z0-9_.-]+" : $"{name}__[0-9]+", arguments[^1]);
    }
}
