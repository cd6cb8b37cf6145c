using System.ComponentModel.DataAnnotations;

namespace AgCam.Scenes.Report;

/// <summary>Options of the report.</summary>
public sealed record SceneReportOptions
{
    /// <summary>Folder of a trained model. Default: the shipped one.</summary>
    public string Model { get; init; } = Shipped.Model;

    /// <summary>Seed of the scenes. It must differ from the training's, which is 1 for the shipped model. Default 2.</summary>
    public long Seed { get; init; } = 2;

    /// <summary>Number of scenes for accuracy and localisation. Default 2000.</summary>
    [Range(20, 1_000_000)]
    public int Scenes { get; init; } = 2_000;

    /// <summary>Number of scenes of other classes that get the watermark. A third as many of its own class lose it. Default 900.</summary>
    [Range(9, 1_000_000)]
    public int Pasted { get; init; } = 900;

    /// <summary>Threshold for boxes on the map scaled to [0, 1]. Default 0.5.</summary>
    [Range(0.0, 1.0)]
    public double Threshold { get; init; } = 0.5;

    [Range(1, 1024)]
    public int BatchSize { get; init; } = 50;
}
