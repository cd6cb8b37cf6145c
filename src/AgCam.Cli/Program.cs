using System.CommandLine;
using AgCam.Cli.Bench;

var root = new RootCommand("AG-CAM explanations of Vision Transformers.") { BenchVerb.Create() };
return root.Parse(args).Invoke();
