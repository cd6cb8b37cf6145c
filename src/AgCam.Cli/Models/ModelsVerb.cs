using System.CommandLine;

namespace AgCam.Cli.Models;

/// <summary>agcam models: fetches, lists, inspects, verifies and converts models.</summary>
internal static class ModelsVerb
{
    public static Command Create() =>
        new Command("models", "Downloads, lists, inspects, verifies and converts models.")
        {
            PullVerb.Create(),
            ListVerb.Create(),
            InspectVerb.Create(),
            VerifyVerb.Create(),
            ImportVerb.Create(),
        };
}
