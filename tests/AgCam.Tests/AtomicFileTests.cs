using Xunit;

namespace AgCam.Tests;

public class AtomicFileTests
{
    [Fact]
    public void Content_appears_at_the_commit_and_not_before()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["rows"], "old");
        using (var file = new AtomicFile(folder["rows"]))
        {
            file.Stream.Write("new"u8);
            file.Stream.Flush();
            Assert.Equal("old", File.ReadAllText(folder["rows"]));
            Assert.Equal("new", File.ReadAllText(file.Temporary));
            file.Commit();
            Assert.Equal("new", File.ReadAllText(folder["rows"]));
        }

        Assert.Equal([folder["rows"]], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Writer_that_fails_leaves_the_old_content_and_no_other_file()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["rows"], "old");
        Assert.Throws<InvalidOperationException>(Fail);
        Assert.Equal("old", File.ReadAllText(folder["rows"]));
        Assert.Equal([folder["rows"]], Directory.GetFiles(folder.Path));

        void Fail()
        {
            using var file = new AtomicFile(folder["rows"]);
            file.Stream.Write("new"u8);
            throw new InvalidOperationException();
        }
    }

    [Fact]
    public async Task Of_parallel_writers_the_last_wins_whole()
    {
        using var folder = new TemporaryFolder();
        var contents = Enumerable.Range(0, 8).Select(i => new string((char)('a' + i), 100_000 + i)).ToArray();
        File.WriteAllText(folder["rows"], contents[0]);
        var writing = Task.WhenAll(
            contents.Select(content =>
                Task.Run(() =>
                {
                    for (var i = 0; i < 5; i++)
                        AtomicFile.Write(folder["rows"], System.Text.Encoding.ASCII.GetBytes(content));
                })
            )
        );
        do Assert.Contains(File.ReadAllText(folder["rows"]), contents);
        while (!writing.IsCompleted);
        await writing;
        Assert.Equal([folder["rows"]], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Missing_folder_is_created()
    {
        using var folder = new TemporaryFolder();
        AtomicFile.Write(folder["a/b/rows"], "new"u8);
        Assert.Equal("new", File.ReadAllText(folder["a/b/rows"]));
    }

    [Fact]
    public void Name_of_maximum_length_can_be_written()
    {
        using var folder = new TemporaryFolder();
        var path = folder[new string('n', 255)];
        AtomicFile.Write(path, "new"u8);
        Assert.Equal("new", File.ReadAllText(path));
    }
}
