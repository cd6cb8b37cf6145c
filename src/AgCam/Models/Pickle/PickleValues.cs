namespace AgCam.Models.Pickle;

// Values of a pickle. A Python class or function is a name, and a call is a record.

/// <summary>Name of a class or function, which is never looked up.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public string FullName { get; } = $"{Module}.{Name}";
}

/// <summary>Record of a call of <paramref name="Made"/>. It is inert: items and attributes set on it are dropped.</summary>
internal sealed record PickleObject(object? Made);

/// <summary>Tuple, list or set.</summary>
internal sealed class PickleSequence(List<object?> items)
{
    public List<object?> Items { get; } = items;
}

/// <summary>Dictionary with string keys only, as in state dicts. Hashing other keys would let an attacker cause work.</summary>
internal sealed class PickleDictionary
{
    // Created on first use, so that a pickle of many empty dictionaries stays cheap.
    private List<KeyValuePair<string, object?>>? _entries;
    private Dictionary<string, int>? _index;

    /// <summary>Entries in insertion order.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Entries => _entries ?? [];

    public void Set(object? key, object? value)
    {
        if (key is not string text)
            return;
        _entries ??= [];
        _index ??= new Dictionary<string, int>(StringComparer.Ordinal);
        if (_index.TryGetValue(text, out var at))
            _entries[at] = KeyValuePair.Create(text, value);
        else
        {
            _index[text] = _entries.Count;
            _entries.Add(KeyValuePair.Create(text, value));
        }
    }

    public object? Get(string key) => _index is not null && _index.TryGetValue(key, out var at) ? _entries![at].Value : null;
}

/// <summary>Block of numbers elsewhere in the file.</summary>
internal sealed record PickleStorage(string Key, DType DType, long Elements);

/// <summary>Strided view of a storage, checked against its size. Offset and strides count elements.</summary>
internal sealed record PickleTensor(PickleStorage Storage, long Offset, long[] Shape, long[] Strides);
