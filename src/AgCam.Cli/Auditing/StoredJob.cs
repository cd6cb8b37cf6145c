using AgCam.Pipeline;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Cli.Auditing;

/// <summary>Finds the completed jobs that a verb reads.</summary>
internal static class StoredJob
{
    /// <summary>Opens a store that exists already.</summary>
    /// <param name="missing">Returns the error for a store without tables.</param>
    public static async Task<IStore> OpenAsync(PipelineOptions options, Func<UsageException> missing, CancellationToken cancellationToken)
    {
        var store = PipelineRegistration.OpenStore(options);
        try
        {
            await store.ProbeAsync(cancellationToken);
            if (await store.SchemaVersionAsync(cancellationToken) == 0)
                throw missing();
            await store.MigrateAsync(cancellationToken);
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>Returns the job whose id is or begins with the text; null when none or several do.</summary>
    public static async Task<Job?> FindAsync(IStore store, string text, CancellationToken cancellationToken)
    {
        if (Guid.TryParse(text, out var id))
            return await store.Jobs.FindAsync(id, cancellationToken);
        var found = new List<Job>();
        string? cursor = null;
        do
        {
            var page = await store.Jobs.PageAsync(new JobQuery { Cursor = cursor }, cancellationToken);
            found.AddRange(page.Jobs.Where(job => job.Id.ToString().StartsWith(text, StringComparison.OrdinalIgnoreCase)));
            cursor = page.Next;
        } while (cursor is not null);
        return found is [var only] ? only : null;
    }

    /// <summary>Returns options that also allow the folders of the jobs' sources, whose images the jobs have read already.</summary>
    public static ReferenceOptions Readable(ReferenceOptions options, IEnumerable<Job> jobs) =>
        options with
        {
            Roots = [.. options.Roots, .. jobs.Select(job => Folder(job.Spec.Source)).OfType<string>()],
        };

    /// <summary>Returns the folder of a source such as folder:/data/pets or manifest:/data/pets.csv; null for other sources.</summary>
    private static string? Folder(string source)
    {
        var path = source[(source.IndexOf(':', StringComparison.Ordinal) + 1)..];
        if (!Path.IsPathRooted(path))
            return null;
        return Directory.Exists(path) ? path
            : File.Exists(path) ? Path.GetDirectoryName(path)
            : null;
    }
}
