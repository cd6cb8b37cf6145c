using System.CommandLine;
using AgCam.Cli.Auditing;
using AgCam.Cli.Bench;
using AgCam.Cli.Comparing;
using AgCam.Cli.Doctor;
using AgCam.Cli.Evaluating;
using AgCam.Cli.Explaining;
using AgCam.Cli.Jobs;
using AgCam.Cli.Models;
using AgCam.Cli.Operating;
using AgCam.Cli.Options;
using AgCam.Cli.Quickstart;
using AgCam.Cli.Scenes;
using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;

namespace AgCam.Cli;

/// <summary>Creates the command with all its verbs.</summary>
internal static class AgcamCommand
{
    public static RootCommand Create()
    {
        var agcam = new RootCommand("Explains predictions of Vision Transformers: heatmaps, boxes and a provenance record.")
        {
            QuickstartVerb.Create(),
            ExplainVerb.Create(),
            EvaluateVerb.Create(),
            AuditVerb.Create(),
            CompareVerb.Create(),
            ServeVerb.Create(),
            SubmitVerb.Create(),
            JobsVerb.Create(),
            ApiVerb.Create(),
            WorkerVerb.Create(),
            TopologyVerb.Create(),
            StoreVerb.Create(),
            ModelsVerb.Create(),
            BenchVerb.Create(),
            ScenesVerb.Create(),
            DoctorVerb.Create(),
            CompletionVerb.Create(),
            BackendSelfTestVerb.Create(),
        };
        OptionValues.CheckTypes(agcam);
        return agcam;
    }
}
