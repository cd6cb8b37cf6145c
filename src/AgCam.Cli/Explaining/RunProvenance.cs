using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using AgCam.Native;

namespace AgCam.Cli.Explaining;

/// <summary>
/// Provenance of a run, stored as provenance-ID.json. Its id is the SHA-256 of the file. <see cref="Identity"/> covers what decides rows
/// and pictures, not device, host or version. Rows of equal identity are not computed again.
/// </summary>
internal sealed class RunProvenance
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public RunProvenance(Explainer explainer, ExplainRun run)
    {
        var recipe = explainer.Recipe(run.Options);
        var shown = new
        {
            run.Targets,
            run.Options.Threshold,
            run.Options.Boxes,
            run.Raw,
            ClassNames = Digest.Of(JsonSerializer.SerializeToUtf8Bytes(explainer.Classes.Names)),
            Pictures = run.Save == SavedPictures.None
                ? null
                : new
                {
                    run.Save,
                    Colormap = run.Pictures.Colormap.Name,
                    run.Pictures.Opacity,
                },
        };
        // An experimental libtorch may compute other results, so its rows are never reused.
        var experimental = NativeBackend.Load().Experimental;
        Identity = Digest.Of(
            JsonSerializer.SerializeToUtf8Bytes(
                new
                {
                    recipe,
                    shown,
                    experimental,
                },
                Format
            )
        );
        var record = JsonSerializer.SerializeToNode(explainer.Provenance(run.Options), Format)!.AsObject();
        record["run"] = JsonSerializer.SerializeToNode(shown, Format);
        record["identity"] = Identity.ToString();
        Bytes = [.. JsonSerializer.SerializeToUtf8Bytes<JsonNode>(record, Format), (byte)'\n'];
        Id = Digest.Of(Bytes);
    }

    public Digest Id { get; }

    public Digest Identity { get; }

    public byte[] Bytes { get; }

    /// <summary>Returns the ids of the provenance files in a folder with the same identity.</summary>
    public HashSet<Digest> Equivalent(string folder)
    {
        var same = new HashSet<Digest> { Id };
        foreach (var file in Directory.EnumerateFiles(folder, "provenance-*.json"))
            if (
                Digest.TryParse(Path.GetFileNameWithoutExtension(file)["provenance-".Length..], out var id)
                && IdentityIn(file) == Identity.ToString()
            )
                same.Add(id);
        return same;
    }

    private static string? IdentityIn(string file)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(file))?["identity"]?.GetValue<string>();
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            return null; // its rows are computed again
        }
    }
}
