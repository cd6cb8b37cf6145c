using System.Globalization;
using System.Text.RegularExpressions;

namespace AgCam.Pipeline.Messages;

/// <summary>The forms in which a request names what is to be explained.</summary>
public static partial class TargetForm
{
    /// <summary>The class the model says.</summary>
    public const string Predicted = "predicted";

    /// <summary>The image's own label. The explanation is stored under the resolved form, "label:" and the label.</summary>
    public const string Label = "label";

    public const int MaxTop = 20;

    public const string Described = "predicted, top:N (N from 1 to 20), label, class:NAME";

    /// <summary>Returns what was probably meant by a target that is not valid: top3 is top:3. Null when nothing is near.</summary>
    public static string? Meant(string? target) =>
        target is not null && TopWithoutColon().Match(target) is { Success: true } top ? $"top:{top.Groups[1].Value}" : null;

    [GeneratedRegex(@"^top[-_ =]?(\d{1,2})$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex TopWithoutColon();

    public static bool IsValid(string? target) =>
        target switch
        {
            Predicted or Label => true,
            not null when target.StartsWith("top:", StringComparison.Ordinal) => int.TryParse(
                target.AsSpan(4),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var n
            ) && n is >= 1 and <= MaxTop,
            not null when target.StartsWith("class:", StringComparison.Ordinal) => target.Length is > 6 and <= 262,
            _ => false,
        };

    /// <summary>The targets with "label" replaced by the image's own: "label:dog"; left out when the image has no label.</summary>
    public static IReadOnlyList<string> Resolve(IReadOnlyList<string> targets, string? label)
    {
        if (!targets.Contains(Label))
            return targets;
        return
        [
            .. targets.Where(target => target != Label || label is not null).Select(target => target == Label ? $"label:{label}" : target),
        ];
    }
}
