using YamlDotNet.Serialization;

namespace AgCam.Deploy.Tests;

/// <summary>The files of the checkout that the tests run in.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    public static string Text(params string[] parts) => File.ReadAllText(PathOf(parts));

    /// <summary>YAML as maps, lists and text, with what is merged (<c>&lt;&lt;</c>) in its place.</summary>
    public static Dictionary<object, object?> Yaml(string text) =>
        (Dictionary<object, object?>)
            Merged(new DeserializerBuilder().WithDuplicateKeyChecking().Build().Deserialize<Dictionary<object, object?>>(text))!;

    /// <summary>A key of its own stands over the merged one.</summary>
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

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "AgCamPipeline.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException(
            $"No folder above {AppContext.BaseDirectory} holds AgCamPipeline.sln: run the tests from a checkout."
        );
    }
}
