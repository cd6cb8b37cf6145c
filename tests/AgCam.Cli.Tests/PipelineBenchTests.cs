using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace AgCam.Cli.Tests;

public class PipelineBenchTests
{
    public static bool ServicesAreThere => BrokeredTests.ServicesAreThere;

    [Fact]
    public void Pipeline_is_measured_in_one_process()
    {
        var bench = AgcamProcess.Run("bench", "--pipeline", "--images", "300", "--rounds", "2", "--json");

        Assert.Equal("", bench.Errors);
        Check(bench.Rows.Single(), "memory", "SQLite");
        Assert.Contains("images/s", AgcamProcess.Run("bench", "--pipeline", "--images", "100").Output, StringComparison.Ordinal);
    }

    [Trait("RabbitMQ", "whole")]
    [Fact(SkipUnless = nameof(ServicesAreThere), Skip = "AGCAM_TEST_RABBITMQ and AGCAM_TEST_MONGODB name no services")]
    public void Bench_prints_a_line_for_each_bus_and_store()
    {
        var bench = AgcamProcess.Run(
            "bench",
            "--pipeline",
            "--images",
            "300",
            "--rounds",
            "1",
            "--json",
            "--bus",
            Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ")!,
            "--store",
            Environment.GetEnvironmentVariable("AGCAM_TEST_MONGODB")!
        );

        Assert.Equal("", bench.Errors);
        Assert.Equal(2, bench.Rows.Length);
        Check(bench.Rows[0], "memory", "SQLite");
        Check(bench.Rows[1], "rabbitmq", "MongoDB");
    }

    [Fact]
    public void Bench_compares_the_pipeline_with_the_models_own_rate()
    {
        var bench = AgcamProcess.Run(
            "bench",
            "--pipeline",
            "--model",
            SomeImages.Model,
            "--images",
            "20",
            "--rounds",
            "1",
            "--device",
            "cpu",
            "--json"
        );

        Assert.Equal("", bench.Errors);
        var row = bench.Rows.Single();
        Assert.Equal(
            row.GetProperty("imagesPerSecond").GetDouble() / row.GetProperty("modelImagesPerSecond").GetDouble(),
            row.GetProperty("ratio").GetDouble(),
            9
        );
    }

    [Fact]
    public async Task Stopped_measurement_ends_at_once_and_leaves_no_files()
    {
        using var folder = new TemporaryFolder();
        var start = new ProcessStartInfo(AgcamProcess.Program, ["bench", "--pipeline", "--images", "5000", "--rounds", "1"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["TMPDIR"] = folder.Path;
        using var bench = Process.Start(start)!;
        await Eventually.TrueAsync(() =>
            new DirectoryInfo(folder.Path).EnumerateFiles("*.db-wal", SearchOption.AllDirectories).Any(store => store.Length > 1 << 20)
            || bench.HasExited
        ); // the first job runs
        using (Process.Start("kill", ["-TERM", $"{bench.Id}"]))
            await Eventually.TrueAsync(() => bench.HasExited);

        Assert.Equal((130, ""), (bench.ExitCode, await bench.StandardOutput.ReadToEndAsync(Cancel)));
        Assert.EndsWith("agcam: stopped.\n", await bench.StandardError.ReadToEndAsync(Cancel), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path, "agcam*"));
    }

    [Theory]
    [InlineData("--bus", "amqp://nowhere")]
    [InlineData("--store", "mongodb://nowhere")]
    public void Broker_without_a_server_is_a_usage_error(string option, string value)
    {
        var bench = Agcam.Run("bench", "--pipeline", option, value);

        Assert.Equal(2, bench.Code);
        Assert.Contains("Give both --bus and --store", bench.Errors, StringComparison.Ordinal);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static void Check(JsonElement row, string transport, string store)
    {
        Assert.Equal(
            (transport, store, 300),
            (row.GetProperty("transport").GetString(), row.GetProperty("store").GetString(), row.GetProperty("images").GetInt32())
        );
        foreach (var rate in new[] { "imagesPerSecond", "bareImagesPerSecond", "ofBare", "cpuMicrosecondsPerImage" })
            Assert.True(row.GetProperty(rate).GetDouble() > 0, row.ToString());
    }
}
