using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace AgCam.Cli.Tests;

public class ExportTests
{
    [Fact]
    public async Task Export_that_is_killed_half_way_leaves_the_old_file()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["items.csv"], "old");
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        string[] arguments =
        [
            "jobs",
            "export",
            "01980000-0000-7000-8000-000000000000",
            "--url",
            $"http://127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}",
            "--out",
            folder["items.csv"],
        ];
        using var process = Process.Start(new ProcessStartInfo(AgcamProcess.Program, arguments))!;
        using var client = await server.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        client.GetStream().Write("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"u8);
        client.GetStream().Write(new byte[500_000]);
        await Eventually.TrueAsync(() => Directory.GetFiles(folder.Path, ".*.tmp").Any(file => new FileInfo(file).Length > 0));

        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal("old", File.ReadAllText(folder["items.csv"]));
    }
}
