// queries [IMAGES] [mongodb://server]: growth of a store, and every list on it
// interactive [null|scenes] [REQUESTS]: POST /v1/explanations?wait= with nothing else to do, and under full bulk load
// anything else: BenchmarkDotNet
using AgCam.Benchmarks;
using BenchmarkDotNet.Running;

switch (args.FirstOrDefault())
{
    case "queries":
        await Queries.RunAsync(int.Parse(args.ElementAtOrDefault(1) ?? "1000000"), args.ElementAtOrDefault(2));
        break;
    case "interactive":
        await InteractiveLane.RunAsync(args.ElementAtOrDefault(1) ?? "null", int.Parse(args.ElementAtOrDefault(2) ?? "300"));
        break;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(HeatmapBenchmarks).Assembly).Run(args);
        break;
}
