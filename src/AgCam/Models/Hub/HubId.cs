using System.Text.RegularExpressions;

namespace AgCam.Models.Hub;

/// <summary>Id of a model on the Hub: org/name and a branch, tag or commit (default main), written org/name@revision.</summary>
public sealed partial record HubId
{
    private HubId(string repo, string revision) => (Repo, Revision) = (repo, revision);

    public string Repo { get; }

    public string Revision { get; }

    public static bool TryParse(string text, out HubId id)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var (repo, revision) = at < 0 ? (text, "main") : (text[..at], text[(at + 1)..]);
        // Both become parts of paths and URLs. The Hub forbids -- and .. in names.
        var valid =
            RepoPattern().IsMatch(repo)
            && RevisionPattern().IsMatch(revision)
            && !repo.Contains("--", StringComparison.Ordinal)
            && !repo.Contains("..", StringComparison.Ordinal)
            && !revision.Split('/').Any(part => part is "" or "." or "..");
        id = valid ? new HubId(repo, revision) : null!;
        return valid;
    }

    /// <exception cref="ModelException">model-not-found: not of the form org/name or org/name@revision.</exception>
    public static HubId Parse(string text) =>
        TryParse(text, out var id)
            ? id
            : throw new ModelException(
                ModelFailure.NotFound,
                $"{PrintableName.Of(text)} is not a Hub id. Give org/name or org/name@revision."
            );

    /// <summary>True when the revision is a commit, which never changes.</summary>
    public bool IsCommit => IsCommitHash(Revision);

    internal static bool IsCommitHash(string text) => CommitPattern().IsMatch(text);

    public override string ToString() => Revision == "main" ? Repo : $"{Repo}@{Revision}";

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}\z")]
    private static partial Regex RepoPattern();

    [GeneratedRegex(@"^[A-Za-z0-9_.][A-Za-z0-9_./-]{0,199}\z")]
    private static partial Regex RevisionPattern();

    [GeneratedRegex(@"^[0-9a-f]{40}\z")]
    private static partial Regex CommitPattern();
}
