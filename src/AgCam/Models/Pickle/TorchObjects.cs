namespace AgCam.Models.Pickle;

/// <summary>Reads the few calls of a PyTorch checkpoint that describe data. Every other call becomes an inert record.</summary>
internal static class TorchObjects
{
    private const int MaxRank = 32;

    private static readonly Dictionary<string, DType> Storages = new(StringComparer.Ordinal)
    {
        ["FloatStorage"] = DType.F32,
        ["HalfStorage"] = DType.F16,
        ["BFloat16Storage"] = DType.BF16,
        ["DoubleStorage"] = DType.F64,
        ["LongStorage"] = DType.I64,
        ["IntStorage"] = DType.I32,
        ["ShortStorage"] = DType.I16,
        ["CharStorage"] = DType.I8,
        ["ByteStorage"] = DType.U8,
        ["BoolStorage"] = DType.Bool,
    };

    /// <summary>Returns the value that a call of <paramref name="callee"/> describes.</summary>
    public static object? Call(object? callee, PickleSequence? arguments, string path)
    {
        if (callee is not PickleGlobal { FullName: var name } || arguments?.Items is not { } items)
            return new PickleObject(callee);
        return name switch
        {
            "collections.OrderedDict" => OrderedDictionary(items),
            "torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_tensor" => (object?)Tensor(items, path) ?? new PickleObject(callee),
            "torch._utils._rebuild_parameter" or "torch._utils._rebuild_parameter_with_state" when items.Count >= 1 => items[0],
            _ => new PickleObject(callee),
        };
    }

    /// <summary>Reads a persistent id of torch.save: ("storage", type, key, location, elements, ...).</summary>
    public static object Storage(object? id, string path)
    {
        if (
            id is not PickleSequence { Items: ["storage", PickleGlobal type, string key, _, long elements, ..] }
            || !Storages.TryGetValue(type.Name, out var dtype)
            || type.Module is not ("torch" or "torch.storage" or "torch.cuda")
        )
            return new PickleObject(null);
        return elements is >= 0 and <= long.MaxValue / 8
            ? new PickleStorage(key, dtype, elements)
            : throw PthFile.Corrupt(path, $"the storage {PrintableName.Of(key)} claims {elements} numbers");
    }

    private static PickleDictionary OrderedDictionary(List<object?> arguments)
    {
        var dictionary = new PickleDictionary();
        if (arguments is [PickleSequence pairs, ..])
            foreach (var pair in pairs.Items)
                if (pair is PickleSequence { Items: [var key, var value] })
                    dictionary.Set(key, value);
        return dictionary;
    }

    private static PickleTensor? Tensor(List<object?> arguments, string path)
    {
        if (arguments is not [PickleStorage storage, long offset, PickleSequence sizes, PickleSequence steps, ..])
            return null;
        var shape = Integers(sizes, path);
        var strides = Integers(steps, path);
        if (shape.Length != strides.Length || offset < 0)
            throw PthFile.Corrupt(
                path,
                $"a tensor in storage {PrintableName.Of(storage.Key)} has {shape.Length} sides and {strides.Length} strides"
            );

        // 128 bits: products of untrusted 64-bit numbers.
        UInt128 count = 1,
            last = (ulong)offset;
        for (var i = 0; i < shape.Length; i++)
        {
            count *= (ulong)shape[i];
            last += shape[i] == 0 ? 0 : (UInt128)(ulong)(shape[i] - 1) * (ulong)strides[i];
            if (count > (ulong)storage.Elements || (count > 0 && last > long.MaxValue))
                throw TooLarge();
        }

        // Strides of 0 could repeat values without limit; no weight is stored like that.
        if (count > 0 && last >= (ulong)storage.Elements)
            throw TooLarge();
        return new PickleTensor(storage, offset, shape, strides);

        ModelException TooLarge() =>
            PthFile.Corrupt(
                path,
                $"a tensor [{string.Join(", ", shape)}] reaches beyond its storage {PrintableName.Of(storage.Key)} of "
                    + $"{storage.Elements:N0} numbers"
            );
    }

    private static long[] Integers(PickleSequence values, string path)
    {
        if (values.Items.Count > MaxRank || !values.Items.TrueForAll(value => value is >= 0L))
            throw PthFile.Corrupt(path, "a tensor's shape or strides are not a list of sizes");
        return [.. values.Items.Select(value => (long)value!)];
    }
}
