using YamlDotNet.Serialization;

namespace AgCam.Deploy.Tests;

/// <summary>Reads YAML files.</summary>
internal static class Yaml
{
    /// <summary>Returns YAML as maps, lists and text, with merge keys (<c>&lt;&lt;</c>) resolved.</summary>
    public static Dictionary<object, object?> Parse(string text) =>
        (Dictionary<object, object?>)
            Merged(new DeserializerBuilder().WithDuplicateKeyChecking().Build().Deserialize<Dictionary<object, object?>>(text))!;

    /// <summary>Merges maps. An own key overrides a merged one.</summary>
    private static object? Merged(object? node) =>
        node switch
        {
            Dictionary<object, object?> map => (map.TryGetValue("<<", out var below) ? (Dictionary<object, object?>)Merged(below)! : [])
                .Concat(map.Where(pair => !pair.Key.Equals("<<")).Select(pair => KeyValuePair.Create(pair.Key, Merged(pair.Value))))
                .GroupBy(pair => pair.Key)
                .ToDictionary(same => same.Key, same => same.Last().Value),
            List<object?> list => list.Select(Merged).ToList(),
            _ => node,
        };
}
