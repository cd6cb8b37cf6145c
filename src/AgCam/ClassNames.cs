using System.Globalization;

namespace AgCam;

/// <summary>The classes of a model: index to name and back. Names may be missing; then a class is known by its index alone.</summary>
public sealed class ClassNames
{
    private readonly Dictionary<string, int> _byText = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _ambiguous = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="count">Number of classes.</param>
    /// <param name="names">A name for every class, or null.</param>
    /// <param name="wordNetIds">A WordNet id (n02123045) for every class, or null.</param>
    /// <exception cref="ArgumentException">A list is not as long as there are classes.</exception>
    public ClassNames(int count, IReadOnlyList<string>? names = null, IReadOnlyList<string>? wordNetIds = null)
    {
        if (names is not null && names.Count != count)
            throw new ArgumentException($"The model has {count} classes, but {names.Count} names were given.", nameof(names));
        if (wordNetIds is not null && wordNetIds.Count != count)
            throw new ArgumentException(
                $"The model has {count} classes, but {wordNetIds.Count} WordNet ids were given.",
                nameof(wordNetIds)
            );
        Count = count;
        Names = names;
        WordNetIds = wordNetIds;
        for (var i = 0; i < count; i++)
        {
            if (names is not null)
                Index(names[i], i);
            if (wordNetIds is not null)
                Index(wordNetIds[i], i);
        }

        var outright = _byText.Keys.ToHashSet(StringComparer.OrdinalIgnoreCase);

        // "tabby, tabby cat" answers to each of its synonyms, where no class bears that name outright.
        for (var i = 0; i < count && names is not null; i++)
            foreach (var synonym in names[i].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                if (!outright.Contains(Folded(synonym)))
                    Index(synonym, i);
    }

    public int Count { get; }

    public IReadOnlyList<string>? Names { get; }

    public IReadOnlyList<string>? WordNetIds { get; }

    /// <summary>The class's name, or null where the model has none.</summary>
    public string? this[int index] => Names?[index];

    /// <summary>
    /// Class index, name, synonym or WordNet id to index; -1 when no class, or more than one, answers to it. Underscores count as
    /// spaces.
    /// </summary>
    public int Find(string text)
    {
        var folded = Folded(text);
        if (_byText.TryGetValue(folded, out var found))
            return _ambiguous.Contains(folded) ? -1 : found;
        return int.TryParse(folded, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < Count ? index : -1;
    }

    /// <summary>A few names near a text that was not found, for an error message.</summary>
    public string Near(string text)
    {
        if (Names is null)
            return $"the model has no class names: give an index from 0 to {Count - 1}, or the names with --classes FILE";
        var folded = Folded(text);
        if (_ambiguous.Contains(folded))
            return "more than one class is called that: give its index";
        var near = Names.Select((name, i) => (name, i, distance: Distance(folded, Folded(name)))).OrderBy(c => c.distance).Take(3);
        return $"the nearest of {Count} classes are {string.Join(", ", near.Select(c => $"\"{c.name}\" ({c.i})"))}";
    }

    private void Index(string text, int index)
    {
        var folded = Folded(text);
        if (!_byText.TryAdd(folded, index) && _byText[folded] != index)
            _ambiguous.Add(folded);
    }

    private static string Folded(string text) => text.Trim().Replace('_', ' ');

    // Levenshtein, case folded.
    private static int Distance(string a, string b)
    {
        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        foreach (var (c, i) in a.Select((c, i) => (char.ToUpperInvariant(c), i)))
        {
            var current = new int[b.Length + 1];
            current[0] = i + 1;
            for (var j = 0; j < b.Length; j++)
                current[j + 1] = Math.Min(
                    Math.Min(current[j], previous[j + 1]) + 1,
                    previous[j] + (c == char.ToUpperInvariant(b[j]) ? 0 : 1)
                );
            previous = current;
        }

        return previous[b.Length];
    }
}
