using System.CommandLine;

namespace AgCam.Cli.Scenes;

/// <summary>agcam scenes: reproduces the shipped pictures and the shipped model.</summary>
internal static class ScenesVerb
{
    public static Command Create() =>
        new Command("scenes", "Draws the scenes of the shipped model, trains the model and measures it.")
        {
            DrawVerb.Create(),
            TrainVerb.Create(),
            ReportVerb.Create(),
        };
}
