using System.Text.Encodings.Web;
using System.Text.Json;

namespace AgCam.Scenes.Faults;

/// <summary>Faults of a drawn dataset. Paths are relative to its manifest.</summary>
public sealed record PlantedFaults
{
    private static readonly JsonSerializerOptions Form = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Class whose pictures carry the watermark; null without one.</summary>
    public string? WatermarkedClass { get; init; }

    public IReadOnlyList<string> Watermarked { get; init; } = [];

    public IReadOnlyList<WrongLabel> WrongLabels { get; init; } = [];

    /// <summary>Copies with the same bytes.</summary>
    public IReadOnlyList<Copied> Exact { get; init; } = [];

    /// <summary>Copies as JPEG or WebP.</summary>
    public IReadOnlyList<Copied> ReEncoded { get; init; } = [];

    /// <summary>Copies that are cropped a little, brighter or darker, and encoded as JPEG.</summary>
    public IReadOnlyList<Copied> Near { get; init; } = [];

    /// <summary>Pictures of one colour.</summary>
    public IReadOnlyList<string> Blank { get; init; } = [];

    public IReadOnlyList<string> Dark { get; init; } = [];

    public IReadOnlyList<string> Blurred { get; init; } = [];

    /// <summary>Copies of any kind that are in another split than the original.</summary>
    public IEnumerable<Copied> Leaks() => Exact.Concat(ReEncoded).Concat(Near).Where(copied => copied.Leaks);

    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Form) + "\n");
}

/// <param name="Given">Label in the manifest.</param>
/// <param name="True">Class that the picture shows.</param>
public sealed record WrongLabel(string Path, string Given, string True);

/// <param name="Leaks">Whether it is in another split than the original.</param>
public sealed record Copied(string Path, string Original, bool Leaks);
