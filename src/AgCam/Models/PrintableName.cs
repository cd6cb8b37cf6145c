namespace AgCam.Models;

/// <summary>Quotes a name from an untrusted file for a message: shortened and without control characters.</summary>
internal static class PrintableName
{
    private const int MaxLength = 160;

    public static string Of(string name)
    {
        var shortened = name.Length > MaxLength ? string.Concat(name.AsSpan(0, MaxLength), "...") : name;
        return $"'{string.Concat(shortened.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c))}'";
    }
}
