using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>Source of a job's images. Every walk gives the same images in the same order while the source is unchanged.</summary>
internal interface IImageSource
{
    /// <summary>Returns references without numbers, from the first that is not planned.</summary>
    /// <param name="tail">Position that planning has reached.</param>
    /// <exception cref="SourceException">The source cannot be read, or has changed since planning began.</exception>
    IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, CancellationToken cancellationToken);
}

/// <summary>Reports a source that cannot be used. The job pauses with this text, and its owner must act.</summary>
public sealed class SourceException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whether the source has changed since planning began, so that planning can never finish.</summary>
    public bool HasChanged { get; init; }
}

/// <summary>Opens the source that a job names.</summary>
internal static class ImageSource
{
    public const string Forms =
        "folder:PATH, classes:PATH (a folder for each class), s3://BUCKET/FOLDER, classes:s3://BUCKET/FOLDER, manifest:PATH "
        + "(.jsonl, .csv, .tsv or .parquet), dataset:PATH (annotated, in a layout that evaluate reads), failures:JOB, job:JOB (to "
        + "audit it)";

    /// <summary>Opens a job's source.</summary>
    /// <exception cref="SourceException">The text is not a source, or the source may not be read.</exception>
    public static IImageSource Open(JobSpec spec, ReferenceReader references, IStore store)
    {
        var roots = references.Roots;
        var (kind, place) = spec.Source.Split(':', 2) is [var before, var after] ? (before, after) : ("", spec.Source);
        return kind switch
        {
            "s3" => new S3Source(references.S3, spec.Source, byClass: false),
            "classes" when place.StartsWith(S3Place.Scheme, StringComparison.Ordinal) => new S3Source(references.S3, place, byClass: true),
            "folder" => new FolderSource(Allowed(place, roots), byClass: false, references.Files),
            "classes" => new FolderSource(Allowed(place, roots), byClass: true, references.Files),
            "manifest" => new ManifestSource(Allowed(place, roots), ManifestColumns.From(spec.Options), references.Files),
            "dataset" => new DatasetSource(
                Allowed(place, roots),
                spec.Evaluation,
                spec.Evaluation?.Images is { } images ? Allowed(images, roots) : null,
                references.Files
            ),
            "failures" when Guid.TryParse(place, out var job) => new FailuresSource(store, job),
            "job" when spec.Audit is not null && AuditSpec.AuditedJob(spec.Source) is not null => new NoImages(),
            "job" => throw new SourceException(
                "A job is the source of an audit: set the field \"audit\", and name the job by its whole id."
            ),
            _ => throw new SourceException($"The source \"{spec.Source}\" is none of {Forms}."),
        };
    }

    private static string Allowed(string path, AllowedRoots roots)
    {
        try
        {
            return roots.Resolve(path);
        }
        catch (Images.ImageException e)
        {
            throw new SourceException($"The source cannot be read: {e.Message}", e);
        }
    }
}
