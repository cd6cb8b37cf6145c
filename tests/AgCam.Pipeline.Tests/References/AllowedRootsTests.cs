using AgCam.Images;
using AgCam.Pipeline.References;
using Xunit;

namespace AgCam.Pipeline.Tests.References;

public sealed class AllowedRootsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-tests").FullName;

    public AllowedRootsTests()
    {
        Directory.CreateDirectory(In("root/deep"));
        Directory.CreateDirectory(In("root-of-another"));
        File.WriteAllText(In("root/deep/a.png"), "a");
        File.WriteAllText(In("secret.png"), "s");
        File.WriteAllText(In("root-of-another/b.png"), "b");
        File.CreateSymbolicLink(In("root/out.png"), In("secret.png"));
        Directory.CreateSymbolicLink(In("root/way-out"), _folder);
        File.CreateSymbolicLink(In("root/in.png"), In("root/deep/a.png"));
        File.CreateSymbolicLink(In("root/nowhere.png"), In("not-there.png"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("root/deep/a.png")]
    [InlineData("root/deep/../deep/a.png")]
    [InlineData("root/in.png")]
    public void Path_below_a_root_is_allowed(string path) => Assert.Equal(In("root/deep/a.png"), Roots().Resolve(In(path)));

    [Theory]
    [InlineData("secret.png")]
    [InlineData("root/../secret.png")]
    [InlineData("root/out.png")]
    [InlineData("root/way-out/secret.png")]
    [InlineData("root/way-out/not-there.png")]
    [InlineData("root-of-another/b.png")]
    [InlineData("not-there.png")]
    [InlineData("root/deep/../../not-there.png")]
    public void Path_out_of_the_roots_is_refused(string path) =>
        Assert.Equal(ReferenceFailure.NotAllowed, Assert.Throws<ImageException>(() => Roots().Resolve(In(path))).Reason);

    [Theory]
    [InlineData("")]
    [InlineData("relative.png")]
    [InlineData("/etc/passwd")]
    [InlineData("/proc/self/environ")]
    public void Other_path_is_refused(string path) =>
        Assert.Equal(ReferenceFailure.NotAllowed, Assert.Throws<ImageException>(() => Roots().Resolve(path)).Reason);

    [Fact]
    public void Path_with_a_null_character_is_refused() =>
        Assert.Equal(
            ReferenceFailure.NotAllowed,
            Assert.Throws<ImageException>(() => Roots().Resolve(In("root/deep/a.png") + "\0/../../secret.png")).Reason
        );

    [Fact]
    public void Missing_file_below_a_root_is_not_found() =>
        Assert.Equal(ImageFailure.NotFound, Assert.Throws<ImageException>(() => Roots().Resolve(In("root/deep/b.png"))).Reason);

    [Fact]
    public void Every_path_is_refused_without_roots() =>
        Assert.Throws<ImageException>(() => new AllowedRoots([]).Resolve(In("root/deep/a.png")));

    [Fact]
    public void Missing_root_is_refused() =>
        Assert.Contains("nowhere", Assert.Throws<OptionsException>(() => new AllowedRoots([In("nowhere")])).Message);

    private AllowedRoots Roots() => new([In("root")]);

    private string In(string path) => Path.Combine(_folder, path);
}
