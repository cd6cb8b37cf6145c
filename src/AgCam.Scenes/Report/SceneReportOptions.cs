using System.ComponentModel.DataAnnotations;

namespace AgCam.Scenes.Report;

/// <summary>What the report measures, and on how many scenes.</summary>
public sealed record SceneReportOptions
{
    /// <summary>A trained model's folder; the one that ships by default.</summary>
    public string Model { get; init; } = Shipped.Model;

    /// <summary>Seed of the scenes. It must differ from the training's, 1 for the shipped model.</summary>
    public long Seed { get; init; } = 2;

    /// <summary>Scenes for accuracy and localisation.</summary>
    [Range(20, 1_000_000)]
    public int Scenes { get; init; } = 2_000;

    /// <summary>Scenes of the other classes that get the watermark pasted on, and scenes of its own class that lose it.</summary>
    [Range(9, 1_000_000)]
    public int Pasted { get; init; } = 900;

    /// <summary>Of the normalised map, in [0, 1]: what boxes are cut at.</summary>
    [Range(0.0, 1.0)]
    public double Threshold { get; init; } = 0.5;

    [Range(1, 1024)]
    public int BatchSize { get; init; } = 50;
}
