using System.Globalization;
using AgCam.Benchmarks;
using BenchmarkDotNet.Running;

// evaluation [ARCHITECTURE [ROUNDS]]: the costs of an evaluation side by side; anything else goes to BenchmarkDotNet.
if (args is ["evaluation", .. var rest])
    EvaluationCosts.Run(rest.ElementAtOrDefault(0) ?? "vit_base_patch16_224", int.Parse(rest.ElementAtOrDefault(1) ?? "7", CultureInfo.InvariantCulture), Console.Out);
else
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
