namespace AgCam;

/// <summary>Computes the Levenshtein distance of two texts, ignoring case, to suggest the nearest name in errors.</summary>
public static class EditDistance
{
    public static int Between(string a, string b)
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
