using System.Globalization;
using System.Text.RegularExpressions;

namespace AgCam.Pipeline.Messages;

/// <summary>
/// Syntax of targets in requests. Whether a model has the named class is checked by <see cref="Target.Parse"/>, where the model is known.
/// </summary>
public static partial class TargetForm
{
    /// <summary>Target for the class that the model predicts.</summary>
    public const string Predicted = "predicted";

    /// <summary>Target for the image's label.</summary>
    public const string Label = "label";

    public const int MaxTop = 20;

    public const int MaxLength = 600;

    public const string Described = "predicted, label, top:N (N from 1 to 20), a class's index or name, class:NAME, or A-vs-B of these";

    private const string Top = "top:",
        Versus = "-vs-";

    /// <summary>Returns the valid form of a near miss: "top3" gives "top:3". Null when none is near.</summary>
    public static string? Meant(string? target) =>
        target is not null && TopWithoutColon().Match(target) is { Success: true } top ? $"top:{top.Groups[1].Value}" : null;

    [GeneratedRegex(@"^top[-_ =]?(\d{1,2})$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex TopWithoutColon();

    /// <summary>Returns whether a target has a valid form.</summary>
    public static bool IsValid(string? target) =>
        target is { Length: >= 1 and <= MaxLength }
        && !target.Contains('\0')
        && Meant(target) is null
        && (!target.StartsWith(Top, StringComparison.OrdinalIgnoreCase) || IsTop(target.AsSpan(Top.Length)))
        && target.Split(Versus).All(side => !string.IsNullOrWhiteSpace(side) && side.Trim() != "class:");

    /// <summary>Returns whether the target needs an image with a label.</summary>
    public static bool NeedsLabel(string target) =>
        target.Split(Versus).Any(side => side.Trim().Equals(Label, StringComparison.OrdinalIgnoreCase));

    private static bool IsTop(ReadOnlySpan<char> text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 1 and <= MaxTop;
}
