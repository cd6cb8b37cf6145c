using System.CommandLine;
using System.CommandLine.Parsing;

namespace AgCam.Cli.Options;

/// <summary>Refuses numbers that are out of an option's range.</summary>
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
        if (result.Tokens.FirstOrDefault(token => !OptionValues.IsValid(typeof(T), token.Value)) is { } wrong)
        {
            result.AddError(FormattableString.Invariant($"{name} takes a number from {minimum} to {maximum}, not \"{wrong.Value}\"."));
            return;
        }
        if (read() is { } value && (value.CompareTo(minimum) < 0 || value.CompareTo(maximum) > 0))
            result.AddError(FormattableString.Invariant($"{name} {value} is out of range: {minimum} to {maximum}."));
    }
}
