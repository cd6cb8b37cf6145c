using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using AgCam.Api;
using AgCam.Pipeline;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker;

namespace AgCam.Cli.Tests.Operating;

/// <param name="Name">Name with colons between its parts and N for an index, e.g. Api:Keys:N:Name.</param>
/// <param name="Meaning">Text of the doc comment.</param>
internal sealed record Setting(string Name, PropertyInfo Property, string Default, string Meaning)
{
    public string Variable => Name.Replace(":", "__", StringComparison.Ordinal);

    public string Type => TypeName(SettingsReference.Element(Property.PropertyType) ?? Property.PropertyType);

    private static string TypeName(Type type) =>
        Nullable.GetUnderlyingType(type) is { } inner ? TypeName(inner)
        : type == typeof(string) ? "text"
        : type == typeof(bool) ? "true or false"
        : type.IsEnum ? string.Join(" or ", Enum.GetNames(type))
        : type == typeof(double) || type == typeof(float) ? "number"
        : type.IsPrimitive ? "whole number"
        : type.Name;
}

/// <summary>Generates docs/configuration.md from the options types and their doc comments.</summary>
internal static partial class SettingsReference
{
    public static IReadOnlyList<(string Section, Type Type, string Processes)> Sections { get; } =
    [
        (PipelineOptions.Section, typeof(PipelineOptions), "`serve`, `api`, `worker`"),
        (WorkerOptions.Section, typeof(WorkerOptions), "`serve`, `worker`"),
        (ApiOptions.Section, typeof(ApiOptions), "`serve`, `api`"),
        (TelemetryOptions.Section, typeof(TelemetryOptions), "`serve`, `api`, `worker`"),
    ];

    public static IEnumerable<Setting> Of(string section, Type type) => Of(section, type, Activator.CreateInstance(type)!);

    public static string Page()
    {
        var page = new StringBuilder();
        page.Append(
            """
            # Configuration

            This page lists every setting of `agcam serve`, `agcam api` and `agcam worker`. A setting comes from
            `appsettings.json` in the current folder (`{"Pipeline": {"ChunkSize": 64}}`). The environment overrides the file, and
            an option of the command line overrides both. In a file the parts of a name are nested objects. In the environment
            they are separated by `__`. N counts from 0.

            An unknown setting, or a value of another type or out of range, stops the start with exit code 2 and the setting's name.

            Put secrets (passwords in addresses, the webhooks' key, S3 credentials) into a file that a setting ending in `File`
            names, or into the environment. Never put them on the command line.

            The program reads OpenTelemetry's variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_PROTOCOL`,
            `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, ...). Without an endpoint it exports nothing. Log levels are .NET's:
            `Logging__LogLevel__AgCam=Debug`.

            A test generates this page from the option types. After a change run the test with `AGCAM_WRITE_DOCS=1`.

            """
        );
        foreach (var (section, type, processes) in Sections)
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"\n## {section}\n\nSettings of {processes}. {Comment(type)}\n\n| setting | environment | type | default | meaning "
                    + $"|\n|---|---|---|---|---|\n"
            );
            foreach (var setting in Of(section, type))
                page.Append(
                    CultureInfo.InvariantCulture,
                    $"| `{setting.Name}` | `{setting.Variable}` | {setting.Type}{Range(setting.Property)} | {setting.Default} | "
                        + $"{setting.Meaning} |\n"
                );
        }
        return page.ToString().Replace("|  |", "| |", StringComparison.Ordinal);
    }

    private static IEnumerable<Setting> Of(string prefix, Type type, object defaults)
    {
        foreach (
            var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .Where(property => property.SetMethod is not null)
                .OrderBy(property => property.MetadataToken)
        )
        {
            var name = $"{prefix}:{property.Name}";
            var value = property.GetValue(defaults);
            if (IsLeaf(property.PropertyType))
                yield return new Setting(
                    name,
                    property,
                    Default(property, value),
                    Comment(property).Replace($" Default {Default(property, value).Trim('`')}.", "", StringComparison.Ordinal)
                );
            else if (Element(property.PropertyType) is { } element)
            {
                name +=
                    property.PropertyType.Name.Contains("Dictionary", StringComparison.Ordinal) ? ":NAME"
                    : prefix.EndsWith(":N", StringComparison.Ordinal) ? ":M"
                    : ":N";
                if (IsLeaf(element))
                    yield return new Setting(name, property, "none", Comment(property));
                else
                    foreach (var setting in Of(name, element, Activator.CreateInstance(element)!))
                        yield return setting;
            }
            else
                foreach (var setting in Of(name, property.PropertyType, value ?? Activator.CreateInstance(property.PropertyType)!))
                    yield return setting;
        }
    }

    private static bool IsLeaf(Type type) =>
        type == typeof(string) || (Nullable.GetUnderlyingType(type) ?? type) is { IsPrimitive: true } or { IsEnum: true };

    public static Type? Element(Type type) =>
        type != typeof(string) && type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type) ? type.GetGenericArguments()[^1] : null;

    /// <summary>Omits defaults that depend on the machine; their doc comments describe them.</summary>
    private static string Default(PropertyInfo property, object? value) =>
        property.Name switch
        {
            nameof(PipelineOptions.Store) when property.DeclaringType == typeof(PipelineOptions) => "`~/.local/share/agcam/agcam.db`",
            nameof(WorkerOptions.Name) when property.DeclaringType == typeof(WorkerOptions) => "machine/process",
            nameof(WorkerOptions.Decoders) when property.DeclaringType == typeof(WorkerOptions) => "processors",
            _ => value switch
            {
                null or "" => "none",
                bool truth => truth ? "`true`" : "`false`",
                IFormattable number => $"`{number.ToString(null, CultureInfo.InvariantCulture)}`",
                _ => $"`{value}`",
            },
        };

    private static string Range(PropertyInfo property) =>
        property.GetCustomAttribute<RangeAttribute>() is { } range
            ? string.Create(CultureInfo.InvariantCulture, $", {range.Minimum} to {range.Maximum}")
        : property.GetCustomAttribute<RegularExpressionAttribute>() is { } pattern ? $", `{pattern.Pattern}`"
        : "";

    private static string Comment(MemberInfo member)
    {
        var type = member as Type ?? member.DeclaringType!;
        var key = member is Type ? $"T:{type.FullName}" : $"P:{type.FullName}.{member.Name}";
        var comment =
            Comments(type.Assembly).GetValueOrDefault(key)
            ?? throw new InvalidOperationException(
                $"{type.Name}.{member.Name} has no doc comment: the page of all settings is made of them."
            );
        if (comment.Element("inheritdoc")?.Attribute("cref")?.Value is { } other)
            comment = Comments(type.Assembly)[other];
        return Text(comment.Element("summary")!).Replace("|", "\\|", StringComparison.Ordinal);
    }

    private static string Text(XElement summary) =>
        Spaces()
            .Replace(
                string.Concat(
                    summary
                        .Nodes()
                        .Select(node =>
                            node switch
                            {
                                XText text => text.Value,
                                XElement { Name.LocalName: "see" } see => $"`{see.Attribute("cref")!.Value.Split('.')[^1]}`",
                                XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
                                XElement other => other.Value,
                                _ => "",
                            }
                        )
                ),
                " "
            )
            .Trim();

    private static readonly Dictionary<Assembly, Dictionary<string, XElement>> Read = [];

    private static Dictionary<string, XElement> Comments(Assembly assembly)
    {
        lock (Read)
        {
            if (!Read.TryGetValue(assembly, out var comments))
                Read[assembly] = comments = XDocument
                    .Load(Path.ChangeExtension(assembly.Location, ".xml"))
                    .Descendants("member")
                    .ToDictionary(member => member.Attribute("name")!.Value);
            return comments;
        }
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
