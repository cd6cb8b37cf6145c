using System.Text.RegularExpressions;

namespace AgCam.Deploy.Tests;

public sealed partial class DockerfileTests
{
    public static TheoryData<string> Files =>
        new(Directory.GetFiles(Repository.PathOf("infra", "docker"), "*.Dockerfile").Select(file => Path.GetFileName(file)));

    [Theory]
    [MemberData(nameof(Files))]
    public void Bases_are_pinned_by_version_and_the_process_is_not_root(string file)
    {
        var lines = Repository.Read("infra", "docker", file).Split('\n');
        var bases = lines.Where(line => line.StartsWith("FROM ")).ToList();
        Assert.Equal(2, bases.Count);
        Assert.All(bases, line => Assert.Matches(Pinned(), line));
        Assert.Equal("USER 1654:1654", Assert.Single(lines, line => line.StartsWith("USER ")));
        Assert.True(
            Array.FindIndex(lines, line => line.StartsWith("USER ")) < Array.FindIndex(lines, line => line.StartsWith("ENTRYPOINT "))
        );
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_setting_is_read_by_the_program(string file)
    {
        var text = Repository.Read("infra", "docker", file);
        var names = Regex
            .Matches(text, @"^ENV (.+)$", RegexOptions.Multiline)
            .SelectMany(line => line.Groups[1].Value.Split(' '))
            .Select(setting => setting.Split('=')[0])
            .ToList();
        Assert.NotEmpty(names);
        Assert.Empty(Settings.Unknown(names));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Copied_files_exist(string file)
    {
        foreach (Match copy in Copied().Matches(Repository.Read("infra", "docker", file)))
        foreach (var source in copy.Groups[1].Value.Split(' ')[..^1])
            Assert.True(Path.Exists(Repository.PathOf(source)), $"{source} is not in the repository.");
    }

    [GeneratedRegex(@"^FROM mcr\.microsoft\.com/dotnet/(sdk|aspnet):\d+\.\d+\.\d+-noble( AS build)?$")]
    private static partial Regex Pinned();

    [GeneratedRegex(@"^COPY (?!--from)(.+)$", RegexOptions.Multiline)]
    private static partial Regex Copied();
}
