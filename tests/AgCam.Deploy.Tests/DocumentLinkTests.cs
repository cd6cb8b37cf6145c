using System.Text.RegularExpressions;

namespace AgCam.Deploy.Tests;

public sealed partial class DocumentLinkTests
{
    public static TheoryData<string> Pages =>
        new(["README.md", "helm/agcam/README.md", .. Directory.GetFiles(Repository.PathOf("docs"), "*.md").Select(Relative)]);

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_link_leads_to_a_file_and_a_heading(string page)
    {
        var folder = Path.GetDirectoryName(Repository.PathOf(page))!;
        foreach (Match link in Link().Matches(File.ReadAllText(Repository.PathOf(page))))
        {
            var (path, heading) = (link.Groups["path"].Value, link.Groups["heading"].Value);
            var target = path.Length == 0 ? Repository.PathOf(page) : Path.GetFullPath(Path.Combine(folder, path));
            Assert.True(Path.Exists(target), $"{page} links to {path}, which does not exist.");
            if (heading.Length > 0)
                Assert.True(Anchors(target).Contains(heading), $"{page} links to {path}#{heading}, which is no heading there.");
        }
    }

    private static string Relative(string file) => Path.GetRelativePath(Repository.Root, file);

    /// <summary>Returns the anchors of a page's headings as GitHub forms them.</summary>
    private static HashSet<string> Anchors(string file) =>
        [
            .. Heading()
                .Matches(File.ReadAllText(file))
                .Select(heading => Dropped().Replace(heading.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-')),
        ];

    [GeneratedRegex(@"\]\((?!https?:)(?<path>[^)#\s]*)(#(?<heading>[^)\s]+))?\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("[^a-z0-9 _-]")]
    private static partial Regex Dropped();
}
