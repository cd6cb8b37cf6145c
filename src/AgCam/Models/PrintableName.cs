namespace AgCam.Models;

/// <summary>Names come from files that anyone may have made: in a message they are quoted, short, and hold no control characters.</summary>
internal static class PrintableName
{
    private const int MaxLength = 160;

    public static string Of(string name)
    {
        var shown = name.Length > MaxLength ? string.Concat(name.AsSpan(0, MaxLength), "...") : name;
        return $"'{string.Concat(shown.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c))}'";
    }
}
