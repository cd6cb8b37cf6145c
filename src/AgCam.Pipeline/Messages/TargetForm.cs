using System.Globalization;
using System.Text.RegularExpressions;

namespace AgCam.Pipeline.Messages;

/// <summary>
/// The forms in which a request names what is to be explained. Whether a model has the class is known where the model is:
/// <see cref="Target.Parse"/>.
/// </summary>
public static partial class TargetForm
{
    /// <summary>The class the model says.</summary>
    public const string Predicted = "predicted";

    /// <summary>The image's own label.</summary>
    public const string Label = "label";

    public const int MaxTop = 20;

    public const int MaxLength = 600;

    public const string Described = "predicted, label, top:N (N from 1 to 20), a class's index or name, class:NAME, or A-vs-B of these";

    private const string Top = "top:",
        Versus = "-vs-";

    /// <summary>Returns what was probably meant by a target that is not valid: top3 is top:3. Null when nothing is near.</summary>
    public static string? Meant(string? target) =>
        target is not null && TopWithoutColon().Match(target) is { Success: true } top ? $"top:{top.Groups[1].Value}" : null;

    [GeneratedRegex(@"^top[-_ =]?(\d{1,2})$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex TopWithoutColon();

    public static bool IsValid(string? target) =>
        target is { Length: >= 1 and <= MaxLength }
        && !target.Contains('\0')
        && Meant(target) is null
        && (!target.StartsWith(Top, StringComparison.OrdinalIgnoreCase) || IsTop(target.AsSpan(Top.Length)))
        && target.Split(Versus).All(side => !string.IsNullOrWhiteSpace(side) && side.Trim() != "class:");

    /// <summary>Whether the target is explained only of an image that has a label.</summary>
    public static bool NeedsLabel(string target) =>
        target.Split(Versus).Any(side => side.Trim().Equals(Label, StringComparison.OrdinalIgnoreCase));

    private static bool IsTop(ReadOnlySpan<char> count) =>
        int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= MaxTop;
}
