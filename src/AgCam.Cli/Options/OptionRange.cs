using System.CommandLine;
using System.CommandLine.Parsing;

namespace AgCam.Cli.Options;

/// <summary>Refuses numbers that a verb cannot use, before it begins.</summary>
internal static class OptionRange
{
    public static void Within<T>(this Option<T> option, T minimum, T maximum)
        where T : struct, IComparable<T> =>
        option.Validators.Add(result => Check(result, () => result.GetValueOrDefault<T>(), minimum, maximum));

    public static void Within<T>(this Option<T?> option, T minimum, T maximum)
        where T : struct, IComparable<T> =>
        option.Validators.Add(result => Check(result, () => result.GetValueOrDefault<T?>(), minimum, maximum));

    private static void Check<T>(OptionResult result, Func<T?> read, T minimum, T maximum)
        where T : struct, IComparable<T>
    {
        var name = result.Option.Name;
        try
        {
            if (read() is { } value && (value.CompareTo(minimum) < 0 || value.CompareTo(maximum) > 0))
                result.AddError(FormattableString.Invariant($"{name} {value} is out of range: {minimum} to {maximum}."));
        }
        catch (InvalidOperationException) // what was given is not of the option's type
        {
            result.AddError(
                FormattableString.Invariant($"{name} {result.Tokens[^1].Value} is no number: {minimum} to {maximum} is needed.")
            );
        }
    }
}
