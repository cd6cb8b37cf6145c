using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgCam.Api;

/// <summary>JSON of the API: its server, its exports and its command-line client read and write records in the same way.</summary>
internal static class ApiJson
{
    public static JsonSerializerOptions Options { get; } = Created();

    public static void Configure(JsonSerializerOptions options)
    {
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.ReadCommentHandling = JsonCommentHandling.Disallow;
    }

    private static JsonSerializerOptions Created()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Configure(options);
        return options;
    }
}
