using System.Diagnostics;

namespace AgCam.Api.Tests;

public sealed class PublishTests
{
    [Fact]
    public async Task Published_API_is_small_and_contains_no_libtorch()
    {
        var folder = Directory.CreateTempSubdirectory("agcam-publish-").FullName;
        try
        {
            using var publish = Process.Start(
                new ProcessStartInfo("dotnet")
                {
                    WorkingDirectory = Repository.Root,
                    ArgumentList = { "publish", "src/AgCam.Api", "-c", "Release", "--no-restore", "--nologo", "-v", "quiet", "-o", folder },
                    RedirectStandardOutput = true,
                }
            )!;
            var said = await publish.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await publish.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(publish.ExitCode == 0, said);
            var files = Directory.GetFiles(folder, "*", SearchOption.AllDirectories);
            Assert.Contains(files, file => Path.GetFileName(file) == "AgCam.Api.dll");
            Assert.DoesNotContain(
                files,
                file =>
                    Path.GetFileName(file) is var name
                    && (
                        name.Contains("libtorch", StringComparison.OrdinalIgnoreCase)
                        || name.Contains("LibTorchSharp", StringComparison.Ordinal)
                        || name.StartsWith("libc10")
                        || name.StartsWith("libcudart")
                    )
            );
            Assert.InRange(files.Sum(file => new FileInfo(file).Length), 1, 150L << 20);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
