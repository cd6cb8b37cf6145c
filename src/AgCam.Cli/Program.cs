using System.CommandLine;
using AgCam.Cli;
using AgCam.Cli.Bench;
using AgCam.Cli.Doctor;
using AgCam.Cli.Jobs;
using AgCam.Cli.Models;
using AgCam.Cli.Operating;
using AgCam.Cli.Scenes;

var agcam = new RootCommand("Explains Vision Transformers: where the model looked, which boxes that gives, and how it was computed.")
{
    ExplainVerb.Create(),
    EvaluateVerb.Create(),
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
return await Invocation.Run(agcam, args);
