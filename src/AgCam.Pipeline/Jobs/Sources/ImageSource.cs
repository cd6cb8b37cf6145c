using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>
/// Where a job's images come from: the same ones in the same order each time it is walked, as long as the source does not change.
/// </summary>
internal interface IImageSource
{
    /// <summary>References without numbers, from the first that was not planned yet.</summary>
    /// <param name="tail">How far planning has come.</param>
    /// <exception cref="SourceException">The source cannot be read, or is not the one that planning began with.</exception>
    IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, CancellationToken cancellationToken);
}

/// <summary>The source of a job cannot be used; its owner must act. The job is paused with this text.</summary>
public sealed class SourceException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whether the source is another one than planning began with, so that the job can never be planned to its end.</summary>
    public bool HasChanged { get; init; }
}

internal static class ImageSource
{
    public const string Forms =
        "folder:PATH, classes:PATH (a folder for each class), s3://BUCKET/FOLDER, classes:s3://BUCKET/FOLDER, manifest:PATH "
        + "(.jsonl, .csv, .tsv or .parquet), failures:JOB";

    /// <exception cref="SourceException">Not a source, or one that may not be read.</exception>
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
            "dataset" when spec.Evaluation is { } evaluation => new DatasetSource(
                Allowed(place, roots),
                evaluation.Layout,
                evaluation.Images is { } images ? Allowed(images, roots) : null,
                references.Files
            ),
            "failures" when Guid.TryParse(place, out var job) => new FailuresSource(store, job),
            "dataset" => throw new SourceException(
                "A dataset is the source of an evaluation: say with \"evaluation\" what is to be measured."
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
