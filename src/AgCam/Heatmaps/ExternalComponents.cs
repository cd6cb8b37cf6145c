namespace AgCam.Heatmaps;

/// <summary>A connected region: its bounding rectangle, its number of pixels without holes, and the sum of their positive values.</summary>
internal readonly record struct Component(int X, int Y, int Width, int Height, int Pixels, double Mass);

/// <summary>
/// Finds the external 8-connected components of the pixels above a threshold in one pass over the rows. Union-find joins runs of equal
/// colour: those above the threshold across eight neighbours, the others across four. The run to the left of a component's first pixel
/// surrounds it. The component is external when that run reaches the outside of the image.
/// </summary>
internal static class ExternalComponents
{
    private const int Outside = 0;

    /// <returns>Components in reading order of their first pixel.</returns>
    public static List<Component> Find(ReadOnlySpan<float> values, int rows, int columns, float threshold)
    {
        var runs = new List<Run> { default }; // index 0 is the outside of the image
        var joined = new DisjointSets(capacity: 4 * rows + 2);
        joined.Add();
        var above = 0; // index of the first run of the previous row
        for (var y = 0; y < rows; y++)
        {
            var current = runs.Count;
            Split(values.Slice(y * columns, columns), y, threshold, runs);
            for (var i = current; i < runs.Count; i++)
            {
                joined.Add();
                var run = runs[i];
                if (!run.Hot && (y == 0 || y == rows - 1 || run.Start == 0 || run.End == columns))
                    joined.Union(Outside, i);
            }
            if (y > 0)
                Join(runs, above, current, joined);
            above = current;
        }
        return Collect(values, columns, runs, joined);
    }

    private static void Split(ReadOnlySpan<float> row, int y, float threshold, List<Run> runs)
    {
        for (var x = 0; x < row.Length; )
        {
            var (start, hot) = (x, row[x] > threshold);
            while (++x < row.Length && row[x] > threshold == hot) { }
            runs.Add(new Run(y, start, x, hot));
        }
    }

    /// <summary>Joins the runs of one row, [current, end), with those of the previous row, [above, current).</summary>
    private static void Join(List<Run> runs, int above, int current, DisjointSets joined)
    {
        for (int i = current, first = above; i < runs.Count; i++)
        {
            var run = runs[i];
            while (runs[first].End < run.Start)
                first++;
            for (var j = first; j < current && runs[j].Start <= run.End; j++)
            {
                var other = runs[j];
                if (other.Hot != run.Hot)
                    continue;
                // runs that share only a corner are 8-neighbours
                if (run.Hot || (other.Start < run.End && other.End > run.Start))
                    joined.Union(j, i);
            }
        }
    }

    private static List<Component> Collect(ReadOnlySpan<float> values, int columns, List<Run> runs, DisjointSets joined)
    {
        var place = new Dictionary<int, int>();
        var components = new List<Component>();
        for (var i = 1; i < runs.Count; i++)
        {
            var run = runs[i];
            if (!run.Hot)
                continue;
            var root = joined.Find(i); // the component's first run: the smallest index is the representative
            if (root == i)
            {
                var external = run.Y == 0 || run.Start == 0 || joined.Find(i - 1) == Outside;
                place[i] = external ? components.Count : -1;
                if (external)
                    components.Add(new Component(run.Start, run.Y, 0, 0, 0, 0));
            }
            var index = place[root];
            if (index < 0)
                continue;
            var mass = 0.0;
            foreach (var value in values.Slice(run.Y * columns + run.Start, run.End - run.Start))
                mass += Math.Max(value, 0f);
            var c = components[index];
            var x = Math.Min(c.X, run.Start);
            components[index] = new Component(
                x,
                c.Y,
                Math.Max(c.X + c.Width, run.End) - x,
                run.Y - c.Y + 1,
                c.Pixels + run.End - run.Start,
                c.Mass + mass
            );
        }
        return components;
    }

    /// <summary>Pixels [Start, End) of row Y: all above the threshold (Hot), or none.</summary>
    private readonly record struct Run(int Y, int Start, int End, bool Hot);
}
