using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace AgCam.Deploy.Tests;

/// <summary>Unpacks the archive of infra/archive.sh and runs it as on a machine without .NET.</summary>
public sealed class ArchiveTests(ArchiveTests.Archive archive) : IClassFixture<ArchiveTests.Archive>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Archive_runs_without_dotnet()
    {
        var (code, said, trace) = await archive.RunAsync("doctor");
        Assert.True(code == 0, said);
        Assert.Contains($"from {archive.App}/libtorch, shipped", said);
        Assert.Contains($"{archive.App}/libcoreclr.so", trace);
        Assert.DoesNotContain("/dotnet/shared/", trace);

        var picture = Path.Combine(archive.App, "shipped", "pictures", "00008-tree.png");
        (code, said, _) = await archive.RunAsync("explain", picture, "--out", "out");
        Assert.True(code == 0, said);
        Assert.Contains("00008-tree.png: tree ", said);
        Assert.Equal(
            ["00008-tree.overlay.png"],
            Directory.GetFiles(archive.Home, "*.overlay.png", SearchOption.AllDirectories).Select(file => Path.GetFileName(file))
        );
    }

    [Fact]
    public void Archive_contains_completion_for_three_shells_and_every_licence()
    {
        foreach (var name in new[] { "agcam.bash", "_agcam", "agcam.fish" })
            Assert.Contains("[suggest:", File.ReadAllText(Path.Combine(archive.App, "completions", name)));
        Assert.Equal(Repository.Read("LICENSE"), File.ReadAllText(Path.Combine(archive.App, "LICENSE")));
        var licences = File.ReadAllLines(Path.Combine(archive.App, "licences", "PACKAGES"));
        Assert.All(licences, line => Assert.Matches(@"^[a-z0-9._-]+/[0-9][^ ]* .", line));
        foreach (
            var package in new[]
            {
                "libtorch-cpu-linux-x64",
                "torchsharp",
                "netvips.native.linux-x64",
                "microsoft.netcore.app.runtime.linux-x64",
                "masstransit",
            }
        )
            Assert.Single(licences, line => line.StartsWith($"{package}/", StringComparison.Ordinal));
        Assert.True(File.Exists(Path.Combine(archive.App, "licences", "microsoft.netcore.app.runtime.linux-x64", "LICENSE.TXT")));
    }

    [Fact]
    public async Task Digest_file_matches_the_archive()
    {
        await using var packed = File.OpenRead(archive.Packed);
        var digest = Convert.ToHexStringLower(await SHA256.HashDataAsync(packed, Cancel));
        Assert.Equal($"{digest}  {Path.GetFileName(archive.Packed)}\n", await File.ReadAllTextAsync($"{archive.Packed}.sha256", Cancel));
    }

    /// <summary>
    /// Checks everything that could make two archives of one commit differ: user, time, order and folder.
    /// </summary>
    [Fact]
    public void Archive_does_not_depend_on_user_time_and_folder()
    {
        Assert.Single(archive.Entries.Select(entry => (entry.ModificationTime, entry.Uid, entry.Gid)).Distinct());
        Assert.Equal(0, archive.Entries[0].Uid);
        Assert.Equal(
            archive.Entries.Select(entry => entry.Name.TrimEnd('/').Replace('/', '\0')).Order(StringComparer.Ordinal),
            archive.Entries.Select(entry => entry.Name.TrimEnd('/').Replace('/', '\0'))
        );
        Assert.DoesNotContain(archive.Entries, entry => entry.Name.EndsWith(".pdb", StringComparison.Ordinal));
        var here = System.Text.Encoding.UTF8.GetBytes(Repository.Root);
        foreach (var assembly in Directory.GetFiles(archive.App, "AgCam*.dll"))
            Assert.Equal(-1, File.ReadAllBytes(assembly).AsSpan().IndexOf(here));
    }

    public sealed class Archive : IAsyncLifetime
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("agcam-archive-").FullName;

        public string Packed { get; private set; } = "";

        public List<TarEntry> Entries { get; } = [];

        /// <summary>Folder of the unpacked archive.</summary>
        public string App { get; private set; } = "";

        /// <summary>Empty home folder of the user.</summary>
        public string Home => Path.Combine(_folder, "home");

        public async ValueTask InitializeAsync()
        {
            Directory.CreateDirectory(Home);
            var (code, said) = await RunAsync(new ProcessStartInfo(Repository.PathOf("infra", "archive.sh"), [_folder]));
            Assert.True(code == 0, said);
            Packed = Assert.Single(Directory.GetFiles(_folder, "agcam-*-linux-x64.tar.gz"));
            var unpacked = Path.Combine(_folder, "unpacked");
            await using var reader = new TarReader(new GZipStream(File.OpenRead(Packed), CompressionMode.Decompress));
            while (await reader.GetNextEntryAsync(cancellationToken: Cancel) is { } entry)
            {
                var path = Path.Combine(unpacked, entry.Name);
                Entries.Add(entry);
                if (entry.EntryType == TarEntryType.Directory)
                    Directory.CreateDirectory(path);
                else
                    await entry.ExtractToFileAsync(path, overwrite: false, Cancel);
            }
            App = Assert.Single(Directory.GetDirectories(unpacked));
        }

        /// <returns>Exit code, both outputs, and the launcher's trace with the folder of the runtime.</returns>
        public async Task<(int Code, string Said, string Trace)> RunAsync(params string[] arguments)
        {
            var trace = Path.Combine(_folder, $"{Guid.NewGuid():N}.trace");
            var start = new ProcessStartInfo(
                "/usr/bin/env",
                [
                    "-i",
                    "PATH=/usr/bin:/bin",
                    $"HOME={Home}",
                    "COREHOST_TRACE=1",
                    $"COREHOST_TRACEFILE={trace}",
                    Path.Combine(App, "agcam"),
                    .. arguments,
                ]
            )
            {
                WorkingDirectory = Home,
            };
            var (code, said) = await RunAsync(start);
            return (code, said, await File.ReadAllTextAsync(trace, Cancel));
        }

        private static async Task<(int Code, string Said)> RunAsync(ProcessStartInfo start)
        {
            start.RedirectStandardOutput = start.RedirectStandardError = true;
            using var process = Process.Start(start)!;
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
            await process.WaitForExitAsync(Cancel);
            return (process.ExitCode, $"{await output}\n{await errors}");
        }

        public ValueTask DisposeAsync()
        {
            Directory.Delete(_folder, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
