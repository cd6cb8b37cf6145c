using System.Net;
using System.Runtime.InteropServices;
using AgCam.DocumentDbGateway;

// Only for tests. PostgreSQL with the documentdb extension understands MongoDB's commands but not its wire protocol. The gateway speaks
// the protocol, so that tests of the MongoDB store use MongoDB.Driver with a real database where no mongod is available.
string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;

if (Option("--self-test") is { } tested)
    return await SelfTest.RunAsync(tested);
if (Option("--probe") is { } probed)
    return await Probe.RunAsync(probed, int.Parse(Option("--documents") ?? "100000"));
if (Option("--listen") is not { } listen || !IPEndPoint.TryParse(listen, out var endpoint) || Option("--postgres") is not { } postgres)
{
    Console.Error.WriteLine(
        """
        AgCam.DocumentDbGateway --listen 127.0.0.1:PORT --postgres CONNECTION_STRING    serves until SIGTERM
        AgCam.DocumentDbGateway --self-test MONGODB_URI                                 drives a server through MongoDB.Driver
        AgCam.DocumentDbGateway --probe MONGODB_URI [--documents 100000]                rates, and whether sorts read an index
        """
    );
    return 2;
}

using var stop = new CancellationTokenSource();
using var sigterm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var sigint = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
await Gateway.ServeAsync(endpoint, postgres, stop.Token);
return 0;

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
