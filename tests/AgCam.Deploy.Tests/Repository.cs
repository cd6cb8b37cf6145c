using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace AgCam.Deploy.Tests;

/// <summary>The files of the checkout that the tests run in.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    public static string Text(params string[] parts) => File.ReadAllText(PathOf(parts));

    /// <summary>YAML as maps, lists and text, with merged keys (<c>&lt;&lt;</c>) merged.</summary>
    public static Dictionary<object, object?> Yaml(string text) =>
        new DeserializerBuilder().WithDuplicateKeyChecking().Build().Deserialize<Dictionary<object, object?>>(new MergingParser(new Parser(new StringReader(text))));

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "AgCamPipeline.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds AgCamPipeline.sln: run the tests from a checkout.");
    }
}
