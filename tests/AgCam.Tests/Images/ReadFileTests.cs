using System.Net.Sockets;
using AgCam.Images;
using Xunit;

namespace AgCam.Tests.Images;

public sealed class ReadFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void File_is_read_whole() =>
        Assert.Equal([1, 2, 3], ImageDecoder.ReadFile(_folder.Write("a.jpg", 1, 2, 3), ImageLimits.Default));

    [Fact]
    public void Names_may_contain_newlines_and_any_script()
    {
        Assert.Equal([1], ImageDecoder.ReadFile(_folder.Write("new\nline.jpg", 1), ImageLimits.Default));
        Assert.Equal([2], ImageDecoder.ReadFile(_folder.Write("пёс 犬 🐕 \u0001.jpg", 2), ImageLimits.Default));
    }

    [Theory]
    [InlineData("missing.jpg")]
    [InlineData("file.jpg/below.jpg")]
    [InlineData("zero\0character.jpg")]
    public void Missing_file_is_not_found(string name)
    {
        _folder.Write("file.jpg", 1);
        Assert.Equal(ImageFailure.NotFound, Reason(_folder.Path + "/" + name));
    }

    [Fact]
    public void Too_long_name_is_not_found() => Assert.Equal(ImageFailure.NotFound, Reason(_folder[new string('a', 300)]));

    [Fact]
    public void Empty_path_is_not_found() => Assert.Equal(ImageFailure.NotFound, Reason(""));

    [Fact]
    public void Folder_is_not_a_file() =>
        Assert.Equal(ImageFailure.NotAFile, Reason(Directory.CreateDirectory(_folder["folder.jpg"]).FullName));

    [Fact(Timeout = 10_000)]
    public async Task Pipe_is_not_waited_for()
    {
        string pipe = _folder.Pipe("pipe.jpg");
        Assert.Equal(ImageFailure.NotAFile, await Task.Run(() => Reason(pipe), TestContext.Current.CancellationToken));
    }

    [Fact(Timeout = 10_000)]
    public async Task Link_to_a_pipe_is_not_waited_for()
    {
        string link = _folder["link.jpg"];
        File.CreateSymbolicLink(link, _folder.Pipe("pipe"));
        Assert.Equal(ImageFailure.NotAFile, await Task.Run(() => Reason(link), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Socket_is_not_a_file()
    {
        string path = _folder["socket.jpg"];
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        Assert.Equal(ImageFailure.NotAFile, Reason(path));
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/null")]
    public void Device_is_not_a_file(string path) => Assert.Equal(ImageFailure.NotAFile, Reason(path));

    [Fact]
    public void File_without_bytes_is_empty() => Assert.Equal(ImageFailure.Empty, Reason(_folder.Write("empty.jpg")));

    [Fact]
    public void Large_file_is_refused_by_its_size_alone()
    {
        string path = _folder.Write("large.jpg");
        using (var file = File.OpenWrite(path))
            file.SetLength(1L << 40); // sparse: takes no space
        Assert.Equal(ImageFailure.TooManyBytes, Reason(path));
    }

    [Fact]
    public void Cyclic_link_is_unreadable()
    {
        string link = _folder["circle.jpg"];
        File.CreateSymbolicLink(link, link);
        Assert.Equal(ImageFailure.Unreadable, Reason(link));
    }

    [Fact]
    public void Broken_link_is_not_found()
    {
        string link = _folder["gone.jpg"];
        File.CreateSymbolicLink(link, _folder["nowhere"]);
        Assert.Equal(ImageFailure.NotFound, Reason(link));
    }

    [Fact]
    public void File_without_permission_is_unreadable()
    {
        string path = _folder.Write("secret.jpg", 1);
        SpecialFiles.Forbid(path);
        Assert.Equal(ImageFailure.Unreadable, _folder.Unprivileged(() => Reason(path)));
    }

    [Fact]
    public void File_that_fails_while_it_is_read_is_unreadable() =>
        Assert.True(Reason("/proc/self/mem") is ImageFailure.Empty or ImageFailure.Unreadable);

    [Fact]
    public void Invalid_UTF8_name_is_reported()
    {
        _folder.WriteRawName([0xFF, 0xFE, .. ".jpg"u8], [1, 2, 3]);
        string found = Assert.Single(ImageFiles.Find(_folder.Path));
        var failure = Assert.Throws<ImageException>(() => ImageDecoder.ReadFile(found, ImageLimits.Default));
        Assert.Equal(ImageFailure.Unreadable, failure.Reason);
        Assert.Contains("UTF-8", failure.Message, StringComparison.Ordinal);
    }

    [Theory(SkipUnless = nameof(RefusesLinks), Skip = RefusesNoLinks)]
    [InlineData("link.jpg")]
    [InlineData("link-to-nothing.jpg")]
    [InlineData("circle.jpg")]
    [InlineData("link/a.jpg")]
    [InlineData("link/../folder/a.jpg")]
    public void Link_that_replaces_a_file_is_not_followed(string name)
    {
        _folder.Write("folder/a.jpg", 1);
        File.CreateSymbolicLink(_folder["link.jpg"], "folder/a.jpg");
        File.CreateSymbolicLink(_folder["link-to-nothing.jpg"], "nowhere");
        File.CreateSymbolicLink(_folder["circle.jpg"], "circle.jpg");
        File.CreateSymbolicLink(_folder["link"], "folder");
        Assert.Null(RegularFile.TryOpenUnlinked(_folder[name], out var failure));
        Assert.Null(failure);
    }

    [Theory(SkipUnless = nameof(RefusesLinks), Skip = RefusesNoLinks)]
    [InlineData("exe")]
    [InlineData("root/proc/version")]
    public void Link_of_the_system_that_replaces_a_folder_is_not_followed(string name)
    {
        Assert.Null(RegularFile.TryOpenUnlinked($"/proc/{Environment.ProcessId}/{name}", out var failure));
        Assert.Null(failure);
    }

    [Fact(SkipUnless = nameof(RefusesLinks), Skip = RefusesNoLinks)]
    public void Path_without_links_opens_without_following_and_other_errors_stay()
    {
        using (var file = RegularFile.TryOpenUnlinked(_folder.Write("a.jpg", 1, 2, 3), out _))
            Assert.Equal([1, 2, 3], file!.Read(ImageLimits.Default));
        Assert.Equal(ImageFailure.NotFound, UnlinkedReason(_folder["missing.jpg"]));
        Assert.Equal(ImageFailure.NotFound, UnlinkedReason(""));
        Assert.Equal(ImageFailure.NotAFile, UnlinkedReason(_folder.Path));
        Assert.Equal(ImageFailure.NotAFile, UnlinkedReason(_folder.Pipe("pipe.jpg")));
        var secret = _folder.Write("secret.jpg", 1);
        SpecialFiles.Forbid(secret);
        Assert.Equal(ImageFailure.Unreadable, _folder.Unprivileged(() => UnlinkedReason(secret)));

        static string? UnlinkedReason(string path)
        {
            using var file = RegularFile.TryOpenUnlinked(path, out var failure);
            return file is null ? failure?.Reason : null;
        }
    }

    [Fact]
    public void File_written_while_open_is_reported_as_changed()
    {
        string path = _folder.Write("a.jpg", 1, 2, 3);
        using var file = RegularFile.Open(path);
        Assert.True(file.IsUnchanged());
        File.SetLastWriteTimeUtc(path, new DateTime(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc));
        Assert.False(file.IsUnchanged());
    }

    public static bool RefusesLinks => RegularFile.CanRefuseLinks;

    private const string RefusesNoLinks = "This system cannot open a file without following links.";

    private static string Reason(string path) =>
        Assert.Throws<ImageException>(() => ImageDecoder.ReadFile(path, ImageLimits.Default)).Reason;
}
