using System.Globalization;

namespace AgCam.Models.Layouts;

/// <summary>
/// How one layout's tensor names become the canonical ones (timm's). A target may end in #0, #1 and so on: the tensor is then that part
/// of a
/// joined one, as are query, key and value, or gate and value of an MLP.
/// </summary>
/// <param name="blockPrefixes">What stands before a block's number, e.g. "encoder.layer.".</param>
/// <param name="outside">Stored to canonical name, outside the blocks.</param>
/// <param name="inBlock">The same inside a block, after "prefix{i}." and after "blocks.{i}.".</param>
/// <param name="ignored">Stored names that a checkpoint may carry and that play no part in classification.</param>
/// <param name="keysHaveNoBias">A joined bias whose key part is not stored has zeros there.</param>
internal sealed class NameMap(
    IReadOnlyList<string> blockPrefixes,
    IReadOnlyDictionary<string, string> outside,
    IReadOnlyDictionary<string, string> inBlock,
    IReadOnlySet<string>? ignored = null,
    bool keysHaveNoBias = false
)
{
    private const int MaxBlocks = 1_000;

    /// <returns>Canonical weights, and the stored names that have no place.</returns>
    public (Dictionary<string, WeightTensor> Weights, List<string> Unexpected) Apply(IEnumerable<KeyValuePair<string, WeightTensor>> stored)
    {
        var weights = new Dictionary<string, WeightTensor>(StringComparer.Ordinal);
        var parts = new Dictionary<string, WeightTensor?[]>(StringComparer.Ordinal);
        var unexpected = new List<string>();
        foreach (var (name, tensor) in stored)
        {
            if (ignored?.Contains(name) == true)
                continue;
            if (Canonical(name) is not { } target)
                unexpected.Add(name);
            else if (target.IndexOf('#') is var mark and >= 0)
                AddPart(name, tensor, target[..mark], target[mark + 1] - '0');
            else if (!weights.TryAdd(target, tensor))
                unexpected.Add(name);
        }

        foreach (var (name, pieces) in parts)
        {
            if (keysHaveNoBias && pieces is [{ } query, null, not null] && name.EndsWith(".bias", StringComparison.Ordinal))
                pieces[1] = new MemoryTensor(query.DType, query.Shape, new byte[query.ByteLength]);
            // A missing part leaves the joined tensor out: it is then reported as missing.
            if (pieces.All(piece => piece is not null) && JoinedTensor.Fits(pieces!) && !weights.TryAdd(name, new JoinedTensor(pieces!)))
                unexpected.Add(name);
        }

        return (weights, unexpected);

        void AddPart(string name, WeightTensor tensor, string target, int index)
        {
            if (!parts.TryGetValue(target, out var pieces))
                parts[target] = pieces = new WeightTensor?[Parts(target)];
            if (pieces[index] is not null)
                unexpected.Add(name);
            pieces[index] = tensor;
        }
    }

    private int Parts(string target) =>
        inBlock
            .Values.Distinct()
            .Count(part => part.IndexOf('#') is var mark and >= 0 && target.EndsWith($".{part[..mark]}", StringComparison.Ordinal));

    private string? Canonical(string name)
    {
        if (outside.TryGetValue(name, out var found))
            return found;
        foreach (var prefix in blockPrefixes)
        {
            if (!name.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            var dot = name.IndexOf('.', prefix.Length);
            if (dot < 0)
                continue;
            var number = name.AsSpan(prefix.Length, dot - prefix.Length);
            // "01" would name block 1 a second time.
            if (
                !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var block)
                || block >= MaxBlocks
                || (number.Length > 1 && number[0] == '0')
            )
                continue;
            if (inBlock.TryGetValue(name[(dot + 1)..], out var rest))
                return $"blocks.{block}.{rest}";
        }

        return null;
    }

    /// <summary>name.weight and name.bias under their canonical names.</summary>
    public static Dictionary<string, string> WithWeightAndBias(params (string Stored, string Canonical)[] modules)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (stored, canonical) in modules)
        {
            var (target, part) = canonical.IndexOf('#') is var mark and >= 0 ? (canonical[..mark], canonical[mark..]) : (canonical, "");
            map[$"{stored}.weight"] = $"{target}.weight{part}";
            map[$"{stored}.bias"] = $"{target}.bias{part}";
        }

        return map;
    }
}
