using AgCam.Models.Safetensors;

namespace AgCam.Models.Hub;

/// <summary>Model in the cache.</summary>
/// <param name="Folder">Snapshot folder, which can be opened as a checkpoint.</param>
/// <param name="Revisions">Branches and tags that point to the commit.</param>
/// <param name="Complete">True when configuration and weights are complete.</param>
public sealed record CachedModel(
    string Repo,
    string Commit,
    string Folder,
    IReadOnlyList<string> Revisions,
    long Bytes,
    DateTimeOffset Changed,
    bool Complete
);

/// <summary>
/// Reads and writes the cache folder in the layout of Python's huggingface_hub. models--org--name/ holds blobs/ETAG (contents),
/// refs/REVISION (a commit each) and snapshots/COMMIT/FILE (relative links to blobs).
/// </summary>
public sealed class HubCache(string folder)
{
    private const string Preprocessor = "preprocessor_config.json",
        NoExist = ".no_exist";

    public string Folder { get; } = folder;

    /// <summary>Lists every snapshot of every model, by name.</summary>
    public IReadOnlyList<CachedModel> List()
    {
        if (!Directory.Exists(Folder))
            return [];
        var models = new List<CachedModel>();
        foreach (var modelFolder in Directory.EnumerateDirectories(Folder, "models--*").Order(StringComparer.Ordinal))
        {
            var repo = Path.GetFileName(modelFolder)["models--".Length..].Replace("--", "/", StringComparison.Ordinal);
            var refs = Refs(Path.Combine(modelFolder, "refs"));
            var snapshots = Path.Combine(modelFolder, "snapshots");
            if (Directory.Exists(snapshots))
                models.AddRange(
                    Directory
                        .EnumerateDirectories(snapshots)
                        .Order(StringComparer.Ordinal)
                        .Select(snapshot => Describe(repo, snapshot, refs))
                );
        }

        return models;
    }

    /// <summary>Returns the folder of a complete snapshot; null when there is none.</summary>
    public string? Find(HubId id) => FindWeights(id) is { } snapshot && HasPreprocessing(snapshot) ? snapshot : null;

    /// <summary>Like <see cref="Find"/>, but the preprocessing may be missing: Python fetches it only on request.</summary>
    internal string? FindWeights(HubId id) =>
        CommitOf(id) is { } commit && Snapshot(id.Repo, commit) is var snapshot && HasWeights(snapshot) ? snapshot : null;

    /// <summary>Returns the commit of a revision in the cache.</summary>
    public string? CommitOf(HubId id)
    {
        if (id.IsCommit)
            return id.Revision;
        var reference = RefPath(id);
        return File.Exists(reference) && File.ReadAllText(reference).Trim() is var commit && HubId.IsCommitHash(commit) ? commit : null;
    }

    internal string ModelFolder(string repo) => Path.Combine(Folder, $"models--{repo.Replace("/", "--", StringComparison.Ordinal)}");

    internal string Snapshot(string repo, string commit) => Path.Combine(ModelFolder(repo), "snapshots", commit);

    internal string Blob(string repo, string etag) => Path.Combine(ModelFolder(repo), "blobs", etag);

    /// <summary>Returns the lock file's path, the same as Python's, so that both exclude each other.</summary>
    internal string Lock(string repo, string etag) => Path.Combine(Folder, ".locks", Path.GetFileName(ModelFolder(repo)), $"{etag}.lock");

    internal void SetRef(HubId id, string commit)
    {
        if (id.IsCommit || CommitOf(id) == commit)
            return;
        AtomicFile.Write(RefPath(id), System.Text.Encoding.ASCII.GetBytes(commit));
    }

    /// <summary>Adds a blob to a snapshot: as a relative link, or as a copy where links are not allowed.</summary>
    internal void Link(string repo, string commit, string file, string etag)
    {
        var place = Path.Combine(Snapshot(repo, commit), file);
        if (ModelFile.IsThere(place))
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        var temporary = $"{place}.{Guid.NewGuid():N}.tmp";
        try
        {
            try
            {
                File.CreateSymbolicLink(temporary, Path.GetRelativePath(Path.GetDirectoryName(place)!, Blob(repo, etag)));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
            {
                File.Copy(Blob(repo, etag), temporary);
            }

            File.Move(temporary, place, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Records that the commit has no such file, in the same place as Python, to save later requests.</summary>
    internal void RememberAbsence(string repo, string commit, string file)
    {
        var place = Path.Combine(ModelFolder(repo), NoExist, commit, file);
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        using (File.Open(place, FileMode.OpenOrCreate))
        {
            // An empty file is the record.
        }
    }

    /// <summary>
    /// Returns whether the preprocessing is in the snapshot: preprocessor_config.json for Hugging Face, config.json for timm.
    /// </summary>
    private static bool HasPreprocessing(string snapshot)
    {
        if (ModelFile.IsThere(Path.Combine(snapshot, Preprocessor)))
            return true;
        var model = Path.GetDirectoryName(Path.GetDirectoryName(snapshot))!;
        if (File.Exists(Path.Combine(model, NoExist, Path.GetFileName(snapshot), Preprocessor)))
            return true;
        try
        {
            var config = ConfigJson.Read(Path.Combine(snapshot, "config.json"));
            return config.Has("architecture") || !config.Has("model_type");
        }
        catch (ModelException)
        {
            return true; // opening it reports the error
        }
    }

    /// <summary>Returns whether a folder holds config.json and all weights. Broken links do not count.</summary>
    private static bool HasWeights(string snapshot)
    {
        if (!ModelFile.IsThere(Path.Combine(snapshot, "config.json")))
            return false;
        if (ModelFile.IsThere(Path.Combine(snapshot, SafetensorsWeights.SingleName)))
            return true;
        var index = Path.Combine(snapshot, SafetensorsWeights.IndexName);
        try
        {
            return ModelFile.IsThere(index)
                && SafetensorsWeights.ShardsOf(index).All(shard => ModelFile.IsThere(Path.Combine(snapshot, shard)));
        }
        catch (ModelException)
        {
            return false;
        }
    }

    private string RefPath(HubId id) => Path.Combine(ModelFolder(id.Repo), "refs", id.Revision);

    private static List<(string Revision, string Commit)> Refs(string folder) =>
        !Directory.Exists(folder)
            ? []
            :
            [
                .. Directory
                    .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                    .Order(StringComparer.Ordinal)
                    .Select(file => (Path.GetRelativePath(folder, file).Replace('\\', '/'), File.ReadAllText(file).Trim())),
            ];

    private static CachedModel Describe(string repo, string snapshot, List<(string Revision, string Commit)> refs)
    {
        var commit = Path.GetFileName(snapshot);
        var (bytes, changed) = (0L, DateTimeOffset.MinValue);
        foreach (var path in Directory.EnumerateFiles(snapshot, "*", SearchOption.AllDirectories))
        {
            var link = new FileInfo(path);
            if ((link.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? link) is not { Exists: true } file)
                continue;
            bytes += file.Length;
            changed = file.LastWriteTimeUtc > changed ? file.LastWriteTimeUtc : changed;
        }

        string[] revisions = [.. refs.Where(entry => entry.Commit == commit).Select(entry => entry.Revision)];
        return new CachedModel(repo, commit, snapshot, revisions, bytes, changed, HasWeights(snapshot) && HasPreprocessing(snapshot));
    }
}
