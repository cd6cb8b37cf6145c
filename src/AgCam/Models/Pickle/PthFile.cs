using System.Text;

namespace AgCam.Models.Pickle;

/// <summary>
/// Reads a PyTorch checkpoint (.pth, .pt, .bin, .pth.tar) in torch.save's zip format or in the format before version 1.6. Its pickle is
/// read as data: no class is looked up and no code runs. Tensors are valid until the file is disposed.
/// </summary>
public sealed class PthFile : IDisposable
{
    private const int MaxPickle = 64 << 20;

    /// <summary>Keys under which training programs store weights, averaged ones first, because those are deployed.</summary>
    private static readonly string[] StateKeys = ["state_dict_ema", "model_ema", "state_dict", "model"];

    private readonly MappedFile _file;

    private PthFile(MappedFile file, string stateKey, IReadOnlyDictionary<string, WeightTensor> tensors)
    {
        (_file, StateKey, Tensors) = (file, stateKey, tensors);
    }

    /// <summary>Key of the weights; empty when the file is a state dict.</summary>
    public string StateKey { get; }

    /// <summary>Tensors of the state dict by stored name; other values are omitted.</summary>
    public IReadOnlyDictionary<string, WeightTensor> Tensors { get; }

    /// <exception cref="ModelException">The file is not readable, or holds no state dict.</exception>
    public static PthFile Open(string path)
    {
        if (ModelFile.LengthOf(path) < 16)
            throw Corrupt(path, "it is too short");
        var file = MappedFile.Open(path);
        try
        {
            var start = file.Slice(0, 4);
            var (root, storages) = start switch
            {
                [0x50, 0x4B, 0x03, 0x04] => ReadZip(file),
                [0x80, ..] => LegacyPth.Read(file, MaxPickle),
                _ => throw Corrupt(path, "it begins neither as a zip archive nor as a pickle"),
            };
            var (key, state) = StateOf(root, path);
            return new PthFile(file, key, TensorsOf(file, state, storages));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();

    internal static ModelException Corrupt(string path, string reason) =>
        new(ModelFailure.Corrupt, $"{path} is not a valid PyTorch checkpoint: {reason}. Download it again, or save it again.");

    /// <summary>Reads the zip format: ARCHIVE/data.pkl describes the tensors, ARCHIVE/data/KEY holds their numbers.</summary>
    private static (object? Root, Dictionary<string, (long Start, long Length)> Storages) ReadZip(MappedFile file)
    {
        var entries = ZipEntries.Read(file);
        var pickles = entries.Keys.Where(name => name.EndsWith("/data.pkl", StringComparison.Ordinal)).ToList();
        if (pickles.Count != 1)
            throw Corrupt(file.Path, $"the archive holds {pickles.Count} data.pkl instead of one");
        var folder = pickles[0][..^"data.pkl".Length];
        if (entries.ContainsKey($"{folder}constants.pkl"))
            throw new ModelException(
                ModelFailure.UnsupportedArchitecture,
                $"{file.Path} is a TorchScript program, not a checkpoint. Save the state dict of the model that it was made from."
            );
        if (
            entries.TryGetValue($"{folder}byteorder", out var order)
            && order.Length is var length and < 16
            && Encoding.ASCII.GetString(file.Slice(order.Start, (int)length)) is not "little"
        )
            throw Corrupt(file.Path, "it was saved on a big-endian machine, which is not supported");

        var (start, bytes) = entries[pickles[0]];
        if (bytes > MaxPickle)
            throw Corrupt(file.Path, $"its pickle has {bytes:N0} bytes; the maximum is {MaxPickle:N0}");
        var root = new PickleReader(file.Slice(start, (int)bytes), file.Path).Read();
        var data = $"{folder}data/";
        var storages = entries.Where(entry => entry.Key.StartsWith(data, StringComparison.Ordinal));
        return (root, storages.ToDictionary(entry => entry.Key[data.Length..], entry => entry.Value, StringComparer.Ordinal));
    }

    private static (string Key, PickleDictionary State) StateOf(object? root, string path)
    {
        if (root is PickleDictionary dictionary)
        {
            foreach (var key in StateKeys)
                if (dictionary.Get(key) is PickleDictionary state && HasTensors(state))
                    return (key, state);
            if (HasTensors(dictionary))
                return ("", dictionary);
            var keys = string.Join(", ", dictionary.Entries.Take(10).Select(entry => PrintableName.Of(entry.Key)));
            throw new ModelException(
                ModelFailure.KeysDoNotMatch,
                $"{path} holds no weights under {string.Join(", ", StateKeys)}, nor at its top ({keys}). "
                    + "In Python, save model.state_dict()."
            );
        }

        throw new ModelException(
            ModelFailure.UnsupportedArchitecture,
            root is PickleObject { Made: PickleGlobal type }
                ? $"{path} is a whole {PrintableName.Of(type.FullName)} object, which cannot be loaded without running its code. "
                    + "In Python, save model.state_dict() instead."
                : $"{path} holds no dictionary of weights. In Python, save model.state_dict()."
        );
    }

    private static bool HasTensors(PickleDictionary dictionary) => dictionary.Entries.Any(entry => entry.Value is PickleTensor);

    private static Dictionary<string, WeightTensor> TensorsOf(
        MappedFile file,
        PickleDictionary state,
        Dictionary<string, (long Start, long Length)> storages
    )
    {
        var tensors = new Dictionary<string, WeightTensor>(StringComparer.Ordinal);
        foreach (var (name, value) in state.Entries)
        {
            if (value is not PickleTensor tensor)
                continue;
            var storage = tensor.Storage;
            if (!storages.TryGetValue(storage.Key, out var range))
                throw Corrupt(file.Path, $"the numbers of {PrintableName.Of(name)} (storage {PrintableName.Of(storage.Key)}) are missing");
            if (range.Length != storage.Elements * (storage.DType.Bits() / 8))
                throw Corrupt(
                    file.Path,
                    $"{PrintableName.Of(name)} lies in a storage of {storage.Elements:N0} {storage.DType.Name()} numbers, but the file "
                        + $"holds {range.Length:N0} bytes for it"
                );
            tensors[name] = new PthTensor(file, range.Start, tensor);
        }

        return tensors;
    }
}
