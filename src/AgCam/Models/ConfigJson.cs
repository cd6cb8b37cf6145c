using System.Text;
using System.Text.Json;

namespace AgCam.Models;

/// <summary>Reads an object of a checkpoint's JSON configuration. Every error names the file and the key.</summary>
internal sealed class ConfigJson
{
    internal const int MaxBytes = 32 << 20; // above the index of a large model and the class names of ImageNet-21k

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _where;
    private readonly JsonElement _object;

    private ConfigJson(string where, JsonElement element) => (_where, _object) = (where, element);

    public static ConfigJson Read(string path)
    {
        try
        {
            var text = StrictUtf8.GetString(ModelFile.ReadSmall(path, MaxBytes)).TrimStart('\uFEFF'); // a byte order mark
            using var document = JsonDocument.Parse(text, Strict);
            return Of(path, document.RootElement.Clone());
        }
        catch (Exception error) when (error is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            // InvalidOperationException: a name with an unpaired surrogate.
            throw new ModelException(ModelFailure.Corrupt, $"{path} is not valid JSON: {error.Message}", error);
        }
    }

    /// <summary>Names of the properties, in order.</summary>
    public IEnumerable<string> Keys => _object.EnumerateObject().Select(property => property.Name);

    public bool Has(string key) => Find(key) is not null;

    public ConfigJson Section(string key) => OptionalSection(key) ?? throw Missing(key);

    public ConfigJson? OptionalSection(string key) => Find(key) is { } found ? Of($"{_where}, {key}", found) : null;

    public string Text(string key) => OptionalText(key) ?? throw Missing(key);

    public string? OptionalText(string key) =>
        Find(key) is not { } found ? null
        : found.ValueKind == JsonValueKind.String ? Text(found, key)
        : throw Wrong(key, "a string");

    public int Integer(string key) => OptionalInteger(key) ?? throw Missing(key);

    public int? OptionalInteger(string key) =>
        Find(key) is not { } found ? null
        : found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out var value) ? value
        : throw Wrong(key, "an integer");

    public double? OptionalNumber(string key) =>
        Find(key) is not { } found ? null
        : found.ValueKind == JsonValueKind.Number && found.TryGetDouble(out var value) && double.IsFinite(value) ? value
        : throw Wrong(key, "a number");

    public bool? OptionalFlag(string key) =>
        Find(key) is not { } found ? null
        : found.ValueKind is JsonValueKind.True or JsonValueKind.False ? found.GetBoolean()
        : throw Wrong(key, "true or false");

    public IReadOnlyList<double>? OptionalNumbers(string key)
    {
        if (Find(key) is not { } found)
            return null;
        if (found.ValueKind != JsonValueKind.Array || found.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.Number))
            throw Wrong(key, "a list of numbers");
        return [.. found.EnumerateArray().Select(item => item.GetDouble())];
    }

    public IReadOnlyList<string>? OptionalTexts(string key)
    {
        if (Find(key) is not { } found)
            return null;
        if (found.ValueKind != JsonValueKind.Array || found.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
            throw Wrong(key, "a list of strings");
        return [.. found.EnumerateArray().Select(item => Text(item, key))];
    }

    /// <summary>Reads a size: an integer for both sides, or a list [height, width].</summary>
    public (int Height, int Width)? OptionalSize(string key)
    {
        if (Find(key) is not { } found)
            return null;
        if (found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out var side))
            return (side, side);
        if (
            found.ValueKind == JsonValueKind.Array
            && found.GetArrayLength() == 2
            && found[0].ValueKind == JsonValueKind.Number
            && found[0].TryGetInt32(out var height)
            && found[1].ValueKind == JsonValueKind.Number
            && found[1].TryGetInt32(out var width)
        )
            return (height, width);
        throw Wrong(key, "an integer or a list of two");
    }

    /// <summary>Returns the object as a dictionary of strings.</summary>
    public IReadOnlyDictionary<string, string> Strings() =>
        _object
            .EnumerateObject()
            .ToDictionary(
                property => property.Name,
                property =>
                    property.Value.ValueKind == JsonValueKind.String
                        ? Text(property.Value, property.Name)
                        : throw Wrong(property.Name, "a string"),
                StringComparer.Ordinal
            );

    /// <summary>Returns whether the value under a key is an object.</summary>
    public bool IsSection(string key) => Find(key) is { ValueKind: JsonValueKind.Object };

    public ModelException Wrong(string key, string expected) =>
        new(ModelFailure.BadConfiguration, $"{_where}: {PrintableName.Of(key)} must be {expected}.");

    public ModelException Missing(string key) => new(ModelFailure.BadConfiguration, $"{_where}: {PrintableName.Of(key)} is missing.");

    private static ConfigJson Of(string where, JsonElement element) =>
        element.ValueKind == JsonValueKind.Object
            ? new ConfigJson(where, element)
            : throw new ModelException(ModelFailure.BadConfiguration, $"{where} must be a JSON object.");

    private JsonElement? Find(string key) =>
        _object.TryGetProperty(key, out var found) && found.ValueKind != JsonValueKind.Null ? found : null;

    private string Text(JsonElement element, string key)
    {
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException) // an unpaired surrogate
        {
            throw Wrong(key, "a valid string");
        }
    }
}
