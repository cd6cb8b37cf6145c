using System.Text;
using System.Text.Json;

namespace AgCam.Cli.Explaining;

/// <summary>Turns classes into parts of file names: letters and digits stay, everything else becomes a hyphen.</summary>
internal static class ClassFileName
{
    /// <summary>Maximum bytes of a class in UTF-8. A contrast has two.</summary>
    private const int MaxBytes = 32;

    public static string Of(TargetExplanation target) => Of(target.Class, target.Name, target.Against, target.AgainstName);

    /// <summary>Returns the names of the explanations in a row of explanations.jsonl.</summary>
    public static IReadOnlyList<string> OfRow(ReadOnlyMemory<byte> row)
    {
        using var json = JsonDocument.Parse(row);
        return [.. json.RootElement.GetProperty("explanations").EnumerateArray().Select(OfExplanation)];
    }

    private static string OfExplanation(JsonElement explanation) =>
        Of(
            explanation.GetProperty("target").GetInt32(),
            explanation.GetProperty("name").GetString(),
            explanation.GetProperty("against") is { ValueKind: JsonValueKind.Number } against ? against.GetInt32() : null,
            explanation.TryGetProperty("againstName", out var name) ? name.GetString() : null
        );

    private static string Of(int index, string? name, int? against, string? againstName) =>
        Safe(name, index) + (against is { } other ? $"-vs-{Safe(againstName, other)}" : "");

    /// <summary>Returns the part of a file name for a class.</summary>
    public static string Safe(string? name, int index)
    {
        var safe = new StringBuilder();
        foreach (var rune in Pictures.ShortName(name, index).Normalize().EnumerateRunes())
            if (Rune.IsLetterOrDigit(rune))
                safe.Append(rune.ToString());
            else if (safe.Length > 0 && safe[^1] != '-')
                safe.Append('-');
        var cut = PicturePaths.Cut(safe.ToString(), MaxBytes).TrimEnd('-');
        return cut.Length > 0 ? cut : $"class-{index}";
    }
}
