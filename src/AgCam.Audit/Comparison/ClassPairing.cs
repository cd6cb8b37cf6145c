using System.Globalization;

namespace AgCam.Audit.Comparison;

/// <summary>
/// Pairs the classes of two models: by index where both have the same list, else by name. Case does not matter. A name that two classes of
/// a model have pairs with none.
/// </summary>
public sealed class ClassPairing
{
    private readonly HashSet<string>? _shared; // null: every name pairs
    private readonly bool _byIndex;

    private ClassPairing(HashSet<string>? shared, bool byIndex) => (_shared, _byIndex) = (shared, byIndex);

    /// <summary>Names that only A has, and that only B has.</summary>
    public IReadOnlyList<string> OnlyA { get; private init; } = [];

    public IReadOnlyList<string> OnlyB { get; private init; } = [];

    /// <summary>False when the classes of a model are not known. Names are then compared as they are.</summary>
    public bool IsKnown { get; private init; }

    /// <summary>Pairs the classes of one model with themselves.</summary>
    public static ClassPairing Same { get; } = new(null, byIndex: true) { IsKnown = true };

    /// <param name="a">Classes of A's model; null when they are not known.</param>
    public static ClassPairing Of(ClassNames? a, ClassNames? b)
    {
        if (a is null || b is null)
            return new ClassPairing(null, byIndex: false);
        var (namesA, namesB) = (Names(a), Names(b));
        if (namesA.SequenceEqual(namesB, StringComparer.OrdinalIgnoreCase))
            return Same;
        var shared = Once(namesA).Intersect(Once(namesB), StringComparer.OrdinalIgnoreCase);
        return new ClassPairing(new HashSet<string>(shared, StringComparer.OrdinalIgnoreCase), byIndex: false)
        {
            IsKnown = true,
            OnlyA = [.. namesA.Except(shared, StringComparer.OrdinalIgnoreCase)],
            OnlyB = [.. namesB.Except(shared, StringComparer.OrdinalIgnoreCase)],
        };
    }

    /// <summary>Returns whether both models have the class.</summary>
    public bool IsShared(string? name) => name is not null && (_shared is null || _shared.Contains(name));

    /// <summary>Returns whether two classes are one; null when one of them has no partner in the other model.</summary>
    public bool? Agree((int Index, string Name) a, (int Index, string Name) b)
    {
        if (_byIndex)
            return a.Index == b.Index;
        return IsShared(a.Name) && IsShared(b.Name) ? string.Equals(a.Name, b.Name, StringComparison.OrdinalIgnoreCase) : null;
    }

    private static IEnumerable<string> Once(List<string> names) =>
        names.GroupBy(name => name, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() == 1).Select(group => group.Key);

    private static List<string> Names(ClassNames classes) =>
        [.. Enumerable.Range(0, classes.Count).Select(index => classes[index] ?? index.ToString(CultureInfo.InvariantCulture))];
}
