using System.CommandLine;
using AgCam.Cli;
using AgCam.Cli.Bench;

var agcam = new RootCommand("Explains Vision Transformers: where the model looked, which boxes that gives, and how it was computed.")
{
    ExplainVerb.Create(),
    BenchVerb.Create(),
};
return await Invocation.Run(agcam, args);
