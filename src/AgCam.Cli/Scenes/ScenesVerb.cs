using System.CommandLine;

namespace AgCam.Cli.Scenes;

/// <summary>agcam scenes: reproduces the shipped pictures and the shipped model.</summary>
internal static class ScenesVerb
{
    public static Command Create() =>
        new Command("scenes", "Draws the scenes of the model that ships, trains it, and measures it.")
        {
            DrawVerb.Create(),
            TrainVerb.Create(),
            ReportVerb.Create(),
        };
}
