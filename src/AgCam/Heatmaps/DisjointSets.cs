namespace AgCam.Heatmaps;

/// <summary>Union-find whose representative is always the smallest member, which is the first one added.</summary>
internal sealed class DisjointSets(int capacity)
{
    private int[] _parent = new int[capacity];
    private int _count;

    /// <summary>Adds the next number as a set with one member.</summary>
    public void Add()
    {
        if (_count == _parent.Length)
            Array.Resize(ref _parent, 2 * _count);
        _parent[_count] = _count;
        _count++;
    }

    public int Find(int member)
    {
        while (_parent[member] != member)
            member = _parent[member] = _parent[_parent[member]]; // path halving
        return member;
    }

    public void Union(int a, int b)
    {
        (a, b) = (Find(a), Find(b));
        _parent[Math.Max(a, b)] = Math.Min(a, b);
    }
}
