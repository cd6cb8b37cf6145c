namespace AgCam.Models.Pickle;

// What a pickle describes. Nothing here has behaviour: a Python class or function is its name, and a call of it is a record of the call.

/// <summary>The name of a class or function. It is never looked up.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public string FullName { get; } = $"{Module}.{Name}";
}

/// <summary>What calling <paramref name="Made"/> would have made. It stays inert; what is stored into it is dropped.</summary>
internal sealed record PickleObject(object? Made);

/// <summary>A tuple, list or set.</summary>
internal sealed class PickleSequence(List<object?> items)
{
    public List<object?> Items { get; } = items;
}

/// <summary>
/// A dict. Only text keys are kept: those of state dicts are texts, and hashing arbitrary keys would be work for an attacker.
/// </summary>
internal sealed class PickleDictionary
{
    // Made when first needed: a pickle of nothing but empty dictionaries should not cost much.
    private List<KeyValuePair<string, object?>>? _entries;
    private Dictionary<string, int>? _index;

    /// <summary>In insertion order.</summary>
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

/// <summary>A block of numbers that lies elsewhere in the file.</summary>
internal sealed record PickleStorage(string Key, DType DType, long Elements);

/// <summary>A strided view into a storage; offset and strides count elements. Checked against the storage.</summary>
internal sealed record PickleTensor(PickleStorage Storage, long Offset, long[] Shape, long[] Strides);
