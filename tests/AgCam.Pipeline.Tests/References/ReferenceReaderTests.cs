using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using Xunit;

namespace AgCam.Pipeline.Tests.References;

/// <summary>Contract of reading files, for both ways of opening them.</summary>
/// <param name="mayRefuseLinks">When false, the reader behaves as on a system that cannot open files without following links.</param>
public abstract class ReferenceReaderTests(bool mayRefuseLinks) : IDisposable
{
    private readonly string _folder = Real(Directory.CreateTempSubdirectory("agcam-tests").FullName);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task File_below_a_root_is_read()
    {
        var path = Write("root/deep/a.png", "inside");
        Assert.Equal("inside", await ReadAsync(path));
    }

    [Theory]
    [InlineData("root/deep/../deep/a.png")]
    [InlineData("root/./deep/a.png")]
    [InlineData("root//deep/a.png")]
    [InlineData("root/../root/deep/a.png")]
    [InlineData("outside/../root/deep/a.png")]
    public async Task Path_with_dots_and_repeated_slashes_is_read(string path)
    {
        Write("root/deep/a.png", "inside");
        Write("outside/b.png", "outside");
        Assert.Equal("inside", await ReadAsync(In(path)));
    }

    [Theory]
    [InlineData("a.png")]
    [InlineData("deep/../a.png")]
    [InlineData("{root}/a.png")]
    public async Task Link_within_the_roots_is_followed(string to)
    {
        Write("root/a.png", "inside");
        Write("root/deep/b.png", "another");
        Link("root/link.png", to.Replace("{root}", In("root")));
        Assert.Equal("inside", await ReadAsync(In("root/link.png")));
    }

    [Fact]
    public async Task Linked_folder_is_followed_and_two_dots_are_relative_to_its_target()
    {
        Write("root/deep/deeper/a.png", "inside");
        Write("root/deep/b.png", "beside");
        Link("root/link", "deep/deeper");
        Assert.Equal("inside", await ReadAsync(In("root/link/a.png")));
        Assert.Equal("beside", await ReadAsync(In("root/link/../b.png")));
    }

    [Fact]
    public async Task Root_may_be_named_by_a_link()
    {
        Write("root/a.png", "inside");
        Link("way-in", "root");
        Assert.Equal("inside", await ReadAsync(In("way-in/a.png"), "way-in"));
        Assert.Equal("inside", await ReadAsync(In("root/a.png"), "way-in"));
    }

    [Fact]
    public async Task Root_that_was_replaced_by_a_link_is_refused()
    {
        Write("root/a.png", "inside");
        Write("outside/a.png", "outside");
        using var references = Reader("root");
        Directory.Move(In("root"), In("aside"));
        Link("root", "outside");
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(references, In("root/a.png"))).Reason);
    }

    [Theory]
    [InlineData("outside/b.png")]
    [InlineData("root/../outside/b.png")]
    [InlineData("root/link.png")]
    [InlineData("root/link-to-link.png")]
    [InlineData("root/way-out/b.png")]
    [InlineData("root/way-out/../secret.png")]
    [InlineData("root-of-another/c.png")]
    [InlineData("root/way-out")]
    [InlineData("root/way-out/pipe")]
    [InlineData("root/way-out/not-there.png")]
    [InlineData("root/way-out/b.png/not-there.png")]
    [InlineData("not-there.png")]
    [InlineData("root/deep/a.png\0/../../../secret.png")]
    public async Task File_outside_the_roots_is_refused_without_any_detail_of_it(string path)
    {
        Write("root/deep/a.png", "inside");
        Write("outside/b.png", "outside");
        Write("secret.png", "outside");
        Write("root-of-another/c.png", "outside");
        Pipe("outside/pipe");
        Link("root/link.png", "../outside/b.png");
        Link("root/link-to-link.png", "link.png");
        Link("root/way-out", In("outside"));
        var failure = await FailsAsync(In(path));
        Assert.Equal(ReferenceFailure.NotAllowed, failure.Reason);
        Assert.Equal(
            $"{In(path)} is not below a folder that may be read. The operator allows one with Pipeline:References:Roots.",
            failure.Message
        );
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.png")]
    [InlineData("root/a.png")]
    public async Task Relative_path_is_refused(string path) => Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(path)).Reason);

    [Theory]
    [InlineData("root/not-there.png")]
    [InlineData("root/not-there/a.png")]
    [InlineData("root/a.png/b.png")]
    [InlineData("root/a.png/")]
    [InlineData("root/nowhere.png")]
    [InlineData("root/circle.png")]
    public async Task Missing_file_is_not_found(string path)
    {
        Write("root/a.png", "inside");
        Link("root/nowhere.png", "not-there.png");
        Link("root/circle.png", "circle.png");
        var failure = await FailsAsync(In(path));
        Assert.Equal(ImageFailure.NotFound, failure.Reason);
        Assert.Equal($"{In(path)} does not exist.", failure.Message);
    }

    [Theory(Timeout = 10_000)]
    [InlineData("root/pipe.png", "is a pipe, socket or device, not a file.")]
    [InlineData("root/link-to-pipe.png", "is a pipe, socket or device, not a file.", "root/pipe.png")]
    [InlineData("root/folder.png", "is a folder, not a file, or cannot be listed.")]
    [InlineData("root/folder.png/", "is a folder, not a file, or cannot be listed.", "root/folder.png")]
    [InlineData("root", "is a folder, not a file, or cannot be listed.")]
    public async Task Pipe_or_folder_is_no_file_and_is_not_waited_for(string path, string what, string? named = null)
    {
        Directory.CreateDirectory(In("root/folder.png"));
        Pipe("root/pipe.png");
        Link("root/link-to-pipe.png", "pipe.png");
        var failure = await Task.Run(() => FailsAsync(In(path)), TestContext.Current.CancellationToken);
        Assert.Equal(ImageFailure.NotAFile, failure.Reason);
        Assert.Equal($"{In(named ?? path)} {what}", failure.Message);
    }

    [Theory]
    [InlineData("/dev/null")]
    [InlineData("/dev/zero")]
    public async Task Device_is_no_file(string path)
    {
        using var references = Reader("/dev");
        Assert.Equal(ImageFailure.NotAFile, (await FailsAsync(references, path)).Reason);
    }

    [Fact]
    public async Task Empty_and_large_files_are_refused_by_size()
    {
        var empty = await FailsAsync(Write("root/empty.png", ""));
        Assert.Equal((ImageFailure.Empty, $"{In("root/empty.png")} has no bytes."), (empty.Reason, empty.Message));
        var large = Write("root/large.png", "");
        using (var file = File.OpenWrite(large))
            file.SetLength(1L << 33); // sparse: uses no disk space
        Assert.Equal(ImageFailure.TooManyBytes, (await FailsAsync(large)).Reason);
    }

    [Theory]
    [InlineData("2024-02-29 12:34:56.123456789")]
    [InlineData("2024-02-29 12:34:56.000000099")]
    [InlineData("2001-09-09 01:46:40.999999999")]
    [InlineData("1970-01-01 00:00:00.000000000")]
    [InlineData("1969-12-31 23:59:59.999999999")]
    [InlineData("1969-12-31 23:59:59.000000001")]
    [InlineData("1931-05-06 07:08:09.123456789")]
    public async Task Stamp_equals_size_and_write_time_of_the_runtime(string written)
    {
        var path = Write("root/a.png", "inside");
        Link("root/link.png", "a.png");
        Run("touch", "-d", written + " UTC", path);
        var file = new FileInfo(path);
        var stamp = $"{file.Length}@{file.LastWriteTimeUtc.Ticks}";
        Assert.StartsWith("6@", stamp, StringComparison.Ordinal);
        Assert.Equal(stamp, FileStamp.Of(path).ToString());
        Assert.Equal(stamp, FileStamp.Of(In("root/link.png")).ToString());
        using var references = Reader("root");
        foreach (var item in new[] { path, In("root/link.png") })
        {
            Assert.Equal(stamp, (await references.ReadAsync(Reference(item), Cancel)).Stamp);
            Assert.True(references.IsUnchanged(Reference(item) with { Stamp = stamp }));
        }
        Run("touch", "-d", "2020-02-02 02:02:02.000000200 UTC", path);
        Assert.False(references.IsUnchanged(Reference(path) with { Stamp = stamp }));
    }

    [Fact]
    public async Task Recently_written_file_has_no_stamp()
    {
        using var references = Reader("root");
        Assert.Null((await references.ReadAsync(Reference(Write("root/a.png", "inside")), Cancel)).Stamp);
    }

    [Fact]
    public async Task Write_time_out_of_range_gives_no_stamp()
    {
        // File systems may store times beyond DateTime's range.
        var shared = Directory.CreateDirectory("/dev/shm").CreateSubdirectory(Path.GetFileName(_folder));
        try
        {
            var path = Path.Combine(shared.FullName, "a.png");
            await File.WriteAllTextAsync(path, "inside", Cancel);
            Run("touch", "-d", "@300000000000", path);
            Assert.Null(FileStamp.Of(path));
            using var references = Reader(shared.FullName);
            Assert.Null((await references.ReadAsync(Reference(path), Cancel)).Stamp);
        }
        finally
        {
            shared.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Reader_leaves_no_file_open()
    {
        Write("outside/b.png", "outside");
        Directory.CreateDirectory(In("root/folder.png"));
        Pipe("root/pipe.png");
        Link("root/link.png", "a.png");
        Link("root/way-out", "../outside");
        string[] read = [Write("root/a.png", "inside"), In("root/link.png")];
        string[] refused =
        [
            Write("root/empty.png", ""),
            .. new[] { "root/folder.png", "root/pipe.png", "root/not-there.png", "root/way-out/b.png" }.Select(In),
        ];
        using var references = Reader("root");
        for (var round = 0; round < 500; round++)
        {
            foreach (var path in read)
                await references.ReadAsync(Reference(path), Cancel);
            foreach (var path in refused)
                await FailsAsync(references, path);
        }
        var open = Directory.GetFiles("/proc/self/fd").Select(handle => new FileInfo(handle).LinkTarget);
        Assert.DoesNotContain(open, target => target?.StartsWith(_folder, StringComparison.Ordinal) == true);
    }

    private protected ReferenceReader Reader(string root)
    {
        if (!Path.IsPathRooted(root))
            Directory.CreateDirectory(In(root));
        var options = new ReferenceOptions { Roots = [In(root)] };
        return mayRefuseLinks
            ? new ReferenceReader(options, null!)
            : new ReferenceReader(options, null!) { Files = new GuardedFiles(new AllowedRoots(options.Roots)) { RefusesLinks = false } };
    }

    private async Task<string> ReadAsync(string path, string root = "root")
    {
        using var references = Reader(root);
        return Encoding.UTF8.GetString((await references.ReadAsync(Reference(path), Cancel)).Bytes);
    }

    private async Task<ImageException> FailsAsync(string path)
    {
        using var references = Reader("root");
        return await FailsAsync(references, path);
    }

    private static Task<ImageException> FailsAsync(ReferenceReader references, string path) =>
        Assert.ThrowsAsync<ImageException>(() => references.ReadAsync(Reference(path), Cancel).AsTask());

    private protected static ImageReference Reference(string path) => new() { Kind = ReferenceKind.File, Uri = path };

    private protected string Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(path))!);
        File.WriteAllText(In(path), text);
        return In(path);
    }

    private protected void Link(string path, string to) => File.CreateSymbolicLink(In(path), to);

    private void Pipe(string path) => Run("mkfifo", In(path));

    private protected string In(string path) => Path.Combine(_folder, path);

    private static string Real(string folder) => new AllowedRoots([folder]).Resolve(folder);

    private static void Run(string command, params string[] arguments)
    {
        using var process = Process.Start(command, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private protected static CancellationToken Cancel => TestContext.Current.CancellationToken;
}

public sealed partial class LinkRefusingReferenceReaderTests() : ReferenceReaderTests(mayRefuseLinks: true)
{
    [Fact]
    public async Task File_that_is_swapped_for_a_link_never_gives_outside_bytes()
    {
        Write("outside/a.png", "outside");
        Write("root/a.png", "inside");
        var next = In("next");
        await NeverReadsOutsideAsync(
            "root/a.png",
            () =>
            {
                File.CreateSymbolicLink(next, In("outside/a.png"));
                Assert.Equal(0, Rename(next, In("root/a.png")));
                File.WriteAllText(next, "inside");
                Assert.Equal(0, Rename(next, In("root/a.png")));
            }
        );
    }

    [Fact]
    public async Task Folder_that_is_swapped_for_a_link_never_gives_outside_bytes()
    {
        Write("outside/a.png", "outside");
        Write("root/deep/a.png", "inside");
        Link("way-out", In("outside"));
        await NeverReadsOutsideAsync(
            "root/deep/a.png",
            () =>
            {
                Directory.Move(In("root/deep"), In("aside"));
                Directory.Move(In("way-out"), In("root/deep"));
                Directory.Move(In("root/deep"), In("way-out"));
                Directory.Move(In("aside"), In("root/deep"));
            }
        );
    }

    private async Task NeverReadsOutsideAsync(string path, Action exchange)
    {
        using var references = Reader("root");
        Assert.SkipUnless(references.Files.RefusesLinks, "This system cannot open a file without following links.");
        using var enough = new CancellationTokenSource();
        var exchanging = Task.Run(
            () =>
            {
                while (!enough.IsCancellationRequested)
                    exchange();
            },
            Cancel
        );
        var outcomes = new HashSet<string>();
        try
        {
            for (var round = 0; round < 10_000; round++)
            {
                try
                {
                    outcomes.Add(Encoding.UTF8.GetString((await references.ReadAsync(Reference(In(path)), Cancel)).Bytes));
                }
                catch (ImageException e)
                {
                    outcomes.Add(e.Reason);
                }
            }
        }
        finally
        {
            await enough.CancelAsync();
            await exchanging;
        }
        Assert.Subset(
            new HashSet<string> { "inside", ImageFailure.NotFound, ImageFailure.Unreadable, ReferenceFailure.NotAllowed },
            outcomes
        );
    }

    /// <summary>Renames atomically over an existing file. File.Move would check for it first.</summary>
    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(string from, string to);
}

public sealed class LinkFollowingReferenceReaderTests() : ReferenceReaderTests(mayRefuseLinks: false);
