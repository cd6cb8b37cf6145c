// evaluation [ARCHITECTURE [ROUNDS]]: the costs of an evaluation side by side
// queries [IMAGES [mongodb://server]]: growth of a store, and every list on it
// interactive [null|scenes [REQUESTS]]: POST /v1/explanations?wait= with nothing else to do, and under full bulk load
// telemetry [IMAGES [ROUNDS]]: CPU time an image with nobody listening, with traces, and with traces and metrics
// lanes [MODEL [BATCH [ROUNDS]]]: one batch at a time on all processors, or one on each
// anything else goes to BenchmarkDotNet
using System.Globalization;
using AgCam.Benchmarks;
using BenchmarkDotNet.Running;

string Given(int position, string otherwise) => args.ElementAtOrDefault(position) ?? otherwise;
int Number(int position, int otherwise) =>
    args.ElementAtOrDefault(position) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

switch (args.FirstOrDefault())
{
    case "evaluation":
        EvaluationCosts.Run(Given(1, "vit_base_patch16_224"), Number(2, 7), Console.Out);
        break;
    case "queries":
        await Queries.RunAsync(Number(1, 1_000_000), args.ElementAtOrDefault(2));
        break;
    case "lanes":
        Lanes.Run(Given(1, "src/AgCam.Scenes/Shipped/model"), Number(2, 16), Number(3, 7), Console.Out);
        break;
    case "interactive":
        await InteractiveLane.RunAsync(Given(1, "null"), Number(2, 300));
        break;
    case "telemetry":
        await TelemetryCosts.RunAsync(Number(1, 10_000), Number(2, 7));
        break;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(HeatmapBenchmarks).Assembly).Run(args);
        break;
}
