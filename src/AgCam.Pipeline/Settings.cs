using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;

namespace AgCam.Pipeline;

/// <summary>Reads options from the configuration. An unknown setting is an error.</summary>
public static partial class Settings
{
    /// <summary>Reads the options of a section.</summary>
    /// <param name="section">Section, for example Pipeline. Its settings are Pipeline:Store in a file and Pipeline__Store in the
    /// environment.</param>
    /// <exception cref="OptionsException">A setting is unknown or has the wrong type.</exception>
    public static T Read<T>(this IConfiguration configuration, string section)
        where T : new()
    {
        try
        {
            return configuration.GetSection(section).Get<T>(binding => binding.ErrorOnUnknownConfiguration = true) ?? new T();
        }
        catch (InvalidOperationException e)
        {
            throw new OptionsException(Explain(section, e.Message), e);
        }
    }

    private static string Explain(string section, string message)
    {
        if (Unknown().Match(message) is { Success: true } unknown)
            return $"{section}: there is no setting "
                + $"{string.Join(", ", unknown.Groups[1].Value.Split(", ").Select(name => name.Trim('\'')))}. "
                + $"docs/configuration.md lists all of them.";
        // The value is not shown: it may be a secret in the wrong place.
        return WrongType().Match(message) is { Success: true } wrong
            ? $"{wrong.Groups[1].Value}: the value is no {wrong.Groups[2].Value.Split('.')[^1]}."
            : $"{section}: the settings cannot be read. docs/configuration.md lists all of them with their types.";
    }

    [GeneratedRegex(@"properties were not found on the instance of [^:]+: (.+)$")]
    private static partial Regex Unknown();

    [GeneratedRegex(@" at '([^']+)' to type '([^']+)'")]
    private static partial Regex WrongType();
}
