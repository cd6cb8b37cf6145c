using System.CommandLine;
using AgCam.Cli;

var agcam = new RootCommand("Explains Vision Transformers: where the model looked, which boxes that gives, and how it was computed.")
{
    ExplainVerb.Command(),
};
return await Invocation.Run(agcam, args);
