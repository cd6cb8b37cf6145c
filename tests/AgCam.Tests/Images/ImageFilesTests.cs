using AgCam.Images;
using Xunit;

namespace AgCam.Tests.Images;

public sealed class ImageFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Folder_lists_its_images_at_any_depth_in_ordinal_order()
    {
        Write(
            "b/2.png",
            "b/10.PNG",
            "a.jpg",
            "b.jpg",
            "B.Jpeg",
            "b-c/x.webp",
            "c/d/e/f.tiff",
            "c/notes.txt",
            "c/d/.hidden.gif",
            "no_extension",
            "z.jpg.txt"
        );
        Assert.Equal(
            ["B.Jpeg", "a.jpg", "b-c/x.webp", "b.jpg", "b/10.PNG", "b/2.png", "c/d/.hidden.gif", "c/d/e/f.tiff"],
            Find(_folder.Path)
        );
        Assert.Equal(Find(_folder.Path).Order(StringComparer.Ordinal), Find(_folder.Path));
    }

    [Fact]
    public void Named_file_is_listed_even_if_it_is_no_image_or_does_not_exist()
    {
        Write("a.dat", "folder/b.jpg");
        Assert.Equal(
            ["a.dat", "missing.jpg", "b.jpg"],
            Find(Under("a.dat"), Under("missing.jpg"), Under("folder")).Select(Path.GetFileName)
        );
    }

    [Fact]
    public void Relative_folder_gives_relative_paths()
    {
        Write("folder/a.jpg");
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, Under("folder"));
        Assert.Equal([relative + "/a.jpg"], ImageFiles.Find(relative));
    }

    [Theory]
    [InlineData("*.jpg", "a.jpg b.jpg")]
    [InlineData("?.jpg", "a.jpg b.jpg")]
    [InlineData("*/*.jpg", "x/a.jpg x/c.jpg")]
    [InlineData("x/*", "x/a.jpg x/c.jpg x/d.png")]
    [InlineData("**/*.jpg", "a.jpg b.jpg x/a.jpg x/c.jpg x/y/a.jpg")]
    [InlineData("**/a.*", "a.jpg x/a.jpg x/y/a.jpg")]
    [InlineData("x/**", "x/a.jpg x/c.jpg x/d.png x/y/a.jpg")]
    [InlineData("x/**/a.jpg", "x/a.jpg x/y/a.jpg")]
    [InlineData("**/y/*", "x/y/a.jpg")]
    [InlineData("x//*.png", "x/d.png")]
    public void Patterns_match_names_and_folders(string pattern, string expected)
    {
        Write("a.jpg", "b.jpg", "x/a.jpg", "x/c.jpg", "x/d.png", "x/y/a.jpg", "x/y/notes.txt", "aa.txt");
        Assert.Equal(expected.Split(' '), Find(_folder.Path + "/" + pattern));
    }

    [Fact]
    public void Pattern_without_a_folder_searches_the_current_one() =>
        Assert.Equal(["nothing-of-this-name-*.jpg"], ImageFiles.Find("nothing-of-this-name-*.jpg"));

    [Fact]
    public void File_named_like_a_pattern_is_listed()
    {
        Write("what?.jpg", "whats.jpg");
        Assert.Equal(["what?.jpg"], Find(Under("what?.jpg")));
    }

    [Fact]
    public void Pattern_without_a_match_is_not_found()
    {
        string pattern = Under("*.webp");
        Assert.Equal([pattern], ImageFiles.Find(pattern));
        Assert.Equal(
            ImageFailure.NotFound,
            Assert.Throws<ImageException>(() => ImageDecoder.ReadFile(pattern, ImageLimits.Default)).Reason
        );
    }

    [Fact]
    public void Links_are_followed_without_cycles()
    {
        Write("a/1.jpg", "elsewhere/2.jpg");
        Directory.CreateSymbolicLink(Under("a/self"), Under("a"));
        Directory.CreateSymbolicLink(Under("a/up"), _folder.Path);
        Directory.CreateSymbolicLink(Under("a/other"), Under("elsewhere"));
        Directory.CreateSymbolicLink(Under("elsewhere/back"), Under("a"));
        Assert.Equal(["a/1.jpg", "a/other/2.jpg"], Find(Under("a")));
    }

    [Fact]
    public void Pipes_and_broken_links_named_like_images_are_listed()
    {
        _folder.Pipe("pipe.jpg");
        File.CreateSymbolicLink(Under("gone.jpg"), Under("nowhere"));
        File.CreateSymbolicLink(Under("circle.jpg"), Under("circle.jpg"));
        Directory.CreateDirectory(Under("folder.jpg"));
        Assert.Equal(["circle.jpg", "gone.jpg", "pipe.jpg"], Find(_folder.Path));
    }

    [Fact]
    public void Unreadable_folder_is_listed()
    {
        Write("a.jpg", "secret/b.jpg");
        SpecialFiles.Forbid(Under("secret"));
        Assert.Equal(["a.jpg", "secret"], _folder.Unprivileged(() => Find(_folder.Path)));
    }

    [Fact]
    public void Folders_with_invalid_names_are_listed()
    {
        _folder.WriteRawName([.. "x"u8, 0xC0, .. ".png"u8], [1]);
        Write("new\nline.jpg");
        Assert.Equal(["new\nline.jpg", "x\uFFFD.png"], Find(_folder.Path));
    }

    private void Write(params string[] names)
    {
        foreach (string name in names)
            _folder.Write(name, 1);
    }

    private string Under(string name) => _folder[name];

    /// <summary>Returns the found paths, relative to the folder.</summary>
    private string[] Find(params string[] paths) =>
        [
            .. ImageFiles
                .Find(paths)
                .Select(path => path.StartsWith(_folder.Path + "/", StringComparison.Ordinal) ? path[(_folder.Path.Length + 1)..] : path),
        ];
}
