// evaluation [ARCHITECTURE [ROUNDS]]: costs of an evaluation compared with its forward passes
// queries [IMAGES [mongodb://server]]: growth of a store, and the latency of every list
// check [IMAGES [mongodb://server]]: time and memory of `agcam store check`
// mapping [IMAGES [ROUNDS]]: sizes of SQLite's memory mapping compared
// interactive [null|scenes [REQUESTS]]: POST /v1/explanations?wait=, idle and under full bulk load
// telemetry [IMAGES [ROUNDS]]: CPU time per image without listeners, with traces, and with traces and metrics
// embedding [IMAGES [ROUNDS [mongodb://server]]]: bytes, rate and CPU time of embeddings
// near [IMAGES]: time, memory and recall of the search for near-duplicates
// audit [SCENES [CONTROLS]]: planted faults and what an audit finds of them, the table of docs/audit.md
// audit-speed [IMAGES [mongodb://server]]: time and memory of an audit of stored explanations
// lanes [MODEL [BATCH [ROUNDS]]]: one batch at a time on all processors, or one per processor
// other arguments are those of BenchmarkDotNet
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
    case "check":
        await Checking.RunAsync(Number(1, 1_000_000), args.ElementAtOrDefault(2));
        break;
    case "mapping":
        await Mapping.RunAsync(Number(1, 200_000), Number(2, 3));
        break;
    case "audit":
        await AuditCard.RunAsync(Number(1, 1000), Number(2, 20));
        break;
    case "audit-speed":
        await AuditSpeed.RunAsync(Number(1, 100_000), args.ElementAtOrDefault(2));
        break;
    case "lanes":
        Lanes.Run(Given(1, "src/AgCam.Scenes/Shipped/model"), Number(2, 16), Number(3, 7), Console.Out);
        break;
    case "interactive":
        await InteractiveLane.RunAsync(Given(1, "null"), Number(2, 300));
        break;
    case "embedding":
        await EmbeddingCosts.RunAsync(Number(1, 10_000), Number(2, 7), args.ElementAtOrDefault(3));
        break;
    case "near":
        NearDuplicates.Run(Number(1, 100_000));
        break;
    case "telemetry":
        await TelemetryCosts.RunAsync(Number(1, 10_000), Number(2, 7));
        break;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(HeatmapBenchmarks).Assembly).Run(args);
        break;
}
