using System.Text.Json;
using System.Text.RegularExpressions;

namespace AgCam.Api;

/// <summary>Explains a JSON body that cannot be read in the words of the API. The serializer's own messages name .NET types.</summary>
internal static partial class JsonMistake
{
    public static string Explain(JsonException error, JsonSerializerOptions options)
    {
        if (UnknownField().Match(error.Message) is { Success: true } unknown)
            return UnknownFieldText(unknown.Groups["field"].Value, FieldsOf(unknown.Groups["type"].Value, options));
        if (WrongValue().Match(error.Message) is { Success: true } wrong && ValuesOf(wrong.Groups["type"].Value) is { } values)
            return $"{(error.Path is { Length: > 2 } path ? $"\"{path[2..]}\"" : "The body")} takes {values}.";
        return $"The body is not the expected JSON: {error.Message}";
    }

    private static string UnknownFieldText(string field, IReadOnlyList<string> known)
    {
        var nearest = known.MinBy(name => EditDistance.Between(field, name));
        if (nearest is null)
            return $"There is no field \"{field}\".";
        return EditDistance.Between(field, nearest) <= Math.Max(2, field.Length / 3)
            ? $"There is no field \"{field}\"; did you mean \"{nearest}\"?"
            : $"There is no field \"{field}\"; the fields are {string.Join(", ", known)}.";
    }

    private static IReadOnlyList<string> FieldsOf(string type, JsonSerializerOptions options) =>
        TypeOf(type) is { } found ? [.. options.GetTypeInfo(found).Properties.Select(property => property.Name)] : [];

    /// <summary>Returns null for a type that has no short description.</summary>
    private static string? ValuesOf(string type) =>
        Nullable().Replace(type, "$1") switch
        {
            "System.Double" or "System.Single" => "a number",
            "System.Int32" or "System.Int64" => "a whole number",
            "System.Boolean" => "true or false",
            "System.String" => "a text",
            "System.Guid" => "an id such as 0198c0de-0000-7000-8000-000000000000",
            var list when list.StartsWith("System.Collections.Generic.IReadOnlyList`1", StringComparison.Ordinal) => "a list",
            var map when map.StartsWith("System.Collections.Generic.IReadOnlyDictionary`2", StringComparison.Ordinal) => "an object",
            var name when TypeOf(name) is { IsEnum: true } choice => $"one of {string.Join(", ", Enum.GetNames(choice))}",
            _ => null,
        };

    private static Type? TypeOf(string name) =>
        AppDomain
            .CurrentDomain.GetAssemblies()
            .Where(assembly => assembly.GetName().Name!.StartsWith("AgCam", StringComparison.Ordinal))
            .Select(assembly => assembly.GetType(name))
            .FirstOrDefault(type => type is not null);

    [GeneratedRegex("^The JSON property '(?<field>.*)' could not be mapped to any .NET member contained in type '(?<type>[^']*)'")]
    private static partial Regex UnknownField();

    [GeneratedRegex(@"^The JSON value could not be converted to (?<type>\S+)\. Path: ")]
    private static partial Regex WrongValue();

    [GeneratedRegex(@"^System\.Nullable`1\[(.*)\]$")]
    private static partial Regex Nullable();
}
