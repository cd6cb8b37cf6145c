using System.Globalization;

namespace AgCam.Models.Layouts;

/// <summary>
/// Maps one layout's tensor names to the canonical ones (timm's). A target that ends in #0, #1, ... is a part of a joined tensor, e.g. of
/// query, key and value.
/// </summary>
/// <param name="blockPrefixes">Prefixes of a block's number, e.g. "encoder.layer.".</param>
/// <param name="outside">Stored name to canonical name, outside the blocks.</param>
/// <param name="inBlock">Stored name after "prefix{i}." to canonical name after "blocks.{i}.".</param>
/// <param name="ignored">Stored names that classification does not use.</param>
/// <param name="keysHaveNoBias">True when the keys' part of a joined bias is not stored and is zero.</param>
internal sealed class NameMap(
    IReadOnlyList<string> blockPrefixes,
    IReadOnlyDictionary<string, string> outside,
    IReadOnlyDictionary<string, string> inBlock,
    IReadOnlySet<string>? ignored = null,
    bool keysHaveNoBias = false
)
{
    private const int MaxBlocks = 1_000;

    /// <returns>Canonical weights, and the stored names that do not map to any.</returns>
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
            // Without a part the joined tensor is omitted, and reported as missing.
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
            // "01" would be a second name for block 1.
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

    /// <summary>Returns the mapping of weight and bias of each module.</summary>
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
