using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace AgCam.Cli.Options;

/// <summary>Answers a wrong value of an option with the values that the option takes.</summary>
internal static class OptionValues
{
    /// <summary>Restricts an option to these words.</summary>
    public static void AcceptOnly(this Option option, params IReadOnlyList<string> words)
    {
        option.CompletionSources.Add([.. words]);
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => !words.Contains(token.Value)))
                result.AddError($"{option.Name} takes {OneOf(words)}, not \"{token.Value}\".");
        });
    }

    /// <summary>
    /// Checks the options of a command and its subcommands whose values are numbers or members of an enum. The parser's own error names
    /// a .NET type.
    /// </summary>
    public static void CheckTypes(Command command)
    {
        foreach (var option in command.Options)
            if (Parser(Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType) is { } parser)
                option.Validators.Add(result => Check(result, parser));
        foreach (var subcommand in command.Subcommands)
            CheckTypes(subcommand);
    }

    public static bool IsValid(Type type, string text) => Parser(type)?.IsValid(text) ?? true;

    /// <summary>Joins words as a sentence does: a, b or c.</summary>
    public static string OneOf(IReadOnlyList<string> words) =>
        words.Count < 2 ? string.Concat(words) : $"{string.Join(", ", words.SkipLast(1))} or {words[^1]}";

    private static void Check(OptionResult result, ValueParser parser)
    {
        if (result.Errors.Any())
            return;
        foreach (var token in result.Tokens.Where(token => !parser.IsValid(token.Value)))
            result.AddError($"{result.Option.Name} takes {parser.Values}, not \"{token.Value}\".");
    }

    private static ValueParser? Parser(Type type)
    {
        if (type == typeof(int))
            return new("a whole number", text => int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out _));
        if (type == typeof(long))
            return new("a whole number", text => long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out _));
        if (type == typeof(double))
            return new("a number", text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _));
        return type.IsEnum
            ? new(OneOf([.. Enum.GetNames(type).Select(name => name.ToLowerInvariant())]), text => IsName(type, text))
            : null;
    }

    /// <summary>A number is no name, though the enum's own parser takes it.</summary>
    private static bool IsName(Type type, string text) => Enum.GetNames(type).Contains(text, StringComparer.OrdinalIgnoreCase);

    private sealed record ValueParser(string Values, Func<string, bool> IsValid);
}
