using System.Globalization;

namespace AgCam;

/// <summary>Maps class indices to names and back. A model without names has only indices.</summary>
public sealed class ClassNames
{
    private readonly Dictionary<string, int> _byText = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _ambiguous = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="count">Number of classes.</param>
    /// <param name="names">Name of every class, or null.</param>
    /// <param name="wordNetIds">WordNet id (n02123045) of every class, or null.</param>
    /// <exception cref="ArgumentException">A list has another length than the number of classes.</exception>
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

        var fullNames = _byText.Keys.ToHashSet(StringComparer.OrdinalIgnoreCase);

        // Each synonym in "tabby, tabby cat" finds the class, unless it is another class's full name.
        for (var i = 0; i < count && names is not null; i++)
            foreach (var synonym in names[i].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                if (!fullNames.Contains(Fold(synonym)))
                    Index(synonym, i);
    }

    /// <summary>Number of classes.</summary>
    public int Count { get; }

    public IReadOnlyList<string>? Names { get; }

    public IReadOnlyList<string>? WordNetIds { get; }

    /// <summary>Name of a class, or null when the model has no names.</summary>
    public string? this[int index] => Names?[index];

    /// <summary>
    /// Returns the index for a class index, name, synonym or WordNet id; -1 when no class or more than one matches. Underscores count as
    /// spaces.
    /// </summary>
    public int Find(string text)
    {
        var folded = Fold(text);
        if (_byText.TryGetValue(folded, out var found))
            return _ambiguous.Contains(folded) ? -1 : found;
        return int.TryParse(folded, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < Count ? index : -1;
    }

    /// <summary>Returns similar class names for an error message.</summary>
    public string Near(string text)
    {
        var folded = Fold(text);
        if (_ambiguous.Contains(folded))
            return "more than one class has this name; give its index";
        if (folded.Length > 0 && folded.All(char.IsAsciiDigit))
            return $"class indices go from 0 to {Count - 1}";
        if (Names is null)
            return $"the model has no class names; give an index from 0 to {Count - 1}, or the names with CheckpointOptions.ClassNames";
        var near = Names
            .Select((name, i) => (name, i, distance: EditDistance.Between(folded, Fold(name))))
            .OrderBy(c => c.distance)
            .Take(3);
        return $"the nearest of {Count} classes are {string.Join(", ", near.Select(c => $"\"{c.name}\" ({c.i})"))}";
    }

    private void Index(string text, int index)
    {
        var folded = Fold(text);
        if (!_byText.TryAdd(folded, index) && _byText[folded] != index)
            _ambiguous.Add(folded);
    }

    private static string Fold(string text) => text.Trim().Replace('_', ' ');
}
