using System.CommandLine.Parsing;
using System.Globalization;

namespace AgCam.Cli.Jobs;

/// <summary>Parses the age of --older-than: 30d, 12h, 8w.</summary>
internal static class Age
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(36_500);

    public static TimeSpan? Parse(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        TimeSpan? unit = text.LastOrDefault() switch
        {
            'h' => TimeSpan.FromHours(1),
            'd' => TimeSpan.FromDays(1),
            'w' => TimeSpan.FromDays(7),
            _ => null,
        };
        var digits = text.Length == 0 ? text : text[..^1];
        var isWhole = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count);
        if (isWhole && unit is { } length && count <= Longest / length)
            return count * length;
        result.AddError($"--older-than {text} is not an age: a whole number and h, d or w (hours, days, weeks), e.g. 30d.");
        return null;
    }
}
