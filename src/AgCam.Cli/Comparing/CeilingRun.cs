using System.Collections.Concurrent;
using System.Globalization;
using AgCam.Attribution;
using AgCam.Audit.Comparison;
using AgCam.Cli.Doctor;
using AgCam.Cli.Terminal;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Models;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Worker;
using AgCam.Worker.Engines;

namespace AgCam.Cli.Comparing;

/// <summary>Explains the mirrored images of a sample with the models of both jobs.</summary>
/// <param name="count">Maximum number of images: the first ones in the order of their SHA-256, which is a random sample.</param>
internal sealed class CeilingRun(
    CommandConsole console,
    JobPairing pairing,
    OriginalImages originals,
    ModelCatalog models,
    WorkerOptions worker,
    int count
)
{
    /// <summary>Keeps the batches of a sample small enough to share them among the threads.</summary>
    private const int MaxBatch = 16;

    /// <exception cref="Native.NativeBackendException">libtorch cannot be loaded.</exception>
    public async Task<Ceilings> RunAsync(Job a, Job b, IReadOnlyList<ImageComparison> images, CancellationToken cancellationToken)
    {
        if (count < 2)
            return Ceilings.None($"--ceiling {count} asks for none");
        var sample = images.Where(image => !double.IsNaN(image.Similarity[0])).Take(count).ToList();
        if (sample.Count == 0)
            return Ceilings.None("no pair has maps that are not flat");
        foreach (var job in new[] { a, b })
            if (await MissingAsync(job, cancellationToken) is { } missing)
                return Ceilings.None(missing);

        var (pictures, refused) = await PicturesAsync(sample, cancellationToken);
        if (pictures.Count < 2)
            return Ceilings.None($"the originals cannot be read again: {refused ?? "fewer than two have maps"}");
        var explanations = await pairing.ExplanationsAsync(pictures.Keys, cancellationToken);
        BackendSelfTestVerb.LoadTrusted();
        var loader = new ModelLoader(models, worker);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = loader.SplitThreads(), CancellationToken = cancellationToken };
        using var screen = new Screen(console);
        var (done, watch) = (0, System.Diagnostics.Stopwatch.StartNew());
        using var progress = new Progress(screen, () => new ProgressState(done, 2 * pictures.Count, 0, done / watch.Elapsed.TotalSeconds));
        var ofA = await ExplainAsync(a, image => explanations[image.A.Explanation]);
        var ofB = await ExplainAsync(b, image => explanations[image.B.Explanation]);
        var values = new Dictionary<Digest, IReadOnlyList<double>>();
        foreach (var image in pictures.Keys)
            values[image.Sha256] = await pairing.CeilingAsync(
                (explanations[image.A.Explanation], ofA[image]),
                (explanations[image.B.Explanation], ofB[image]),
                cancellationToken
            );
        return new Ceilings(values, null, Note(pictures.Count, sample.Count, refused));

        async Task<IReadOnlyDictionary<ImageComparison, Heatmap>> ExplainAsync(
            Job job,
            Func<ImageComparison, StoredExplanation> explanation
        )
        {
            using var engine = await loader.LoadAsync(job.Spec.Model, job.Spec.Dtype, cancellationToken);
            var batches = pictures
                .Keys.Select(image => (Image: image, Map: pairing.Map(explanation(image))!))
                .GroupBy(request => request.Map.Against)
                .SelectMany(against => against.Chunk(Math.Min(worker.MaxBatch, MaxBatch)));
            var maps = new ConcurrentDictionary<ImageComparison, Heatmap>();
            Parallel.ForEach(
                batches,
                parallel,
                batch =>
                {
                    var mirrored = Explain(
                        engine.Explainer!,
                        [.. batch.Select(request => Mirrored.Of(pictures[request.Image]))],
                        [.. batch.Select(request => (int?)request.Map.Class)],
                        batch[0].Map.Against,
                        job.Spec.Method
                    );
                    foreach (var (request, map) in batch.Zip(mirrored))
                        maps[request.Image] = Mirrored.Of(map);
                    Interlocked.Add(ref done, batch.Length);
                }
            );
            return maps;
        }
    }

    /// <summary>Explains classes of pictures. The classes are given as labels, which may differ within a batch.</summary>
    private static IEnumerable<Heatmap> Explain(
        Explainer explainer,
        IReadOnlyList<RgbImage> pictures,
        IReadOnlyList<int?> classes,
        int? against,
        string method
    )
    {
        var target = against is { } other ? $"label-vs-class:{other}" : "label";
        var options = new ExplainOptions
        {
            Targets = [Target.Parse(target, new ClassNames(explainer.Classes.Count))],
            Method = AttributionMethod.Find(method)!,
            WithBoxes = false,
            WithEmbedding = false,
        };
        var explanations = explainer.Explain([.. pictures.Select(explainer.Prepare)], classes, options);
        return explanations.Select(explanation => explanation.Targets[0].Heatmap);
    }

    private async Task<(Dictionary<ImageComparison, RgbImage> Pictures, string? Refused)> PicturesAsync(
        List<ImageComparison> sample,
        CancellationToken cancellationToken
    )
    {
        var (pictures, refused) = (new Dictionary<ImageComparison, RgbImage>(), (string?)null);
        foreach (var image in sample)
            try
            {
                pictures[image] = await originals.ReadAsync(image, cancellationToken);
            }
            catch (ImageException e)
            {
                refused ??= $"{e.Message.TrimEnd('.')}. --root FOLDER allows a folder";
            }
        return (pictures, refused);
    }

    /// <summary>Returns why a job's model cannot be used; null when it can.</summary>
    private async Task<string?> MissingAsync(Job job, CancellationToken cancellationToken)
    {
        var model = job.Spec.Model;
        try
        {
            if (models.Find(model.Id) is not null && await models.PinAsync(model.Id, cancellationToken) == model)
                return null;
        }
        catch (ModelException e)
        {
            return e.Message.TrimEnd('.');
        }
        return $"the model {model.Id} with the weights {model.Sha256.ToString()[..12]} is not named: --model {model.Id}=FOLDER";
    }

    private static string Note(int read, int sampled, string? refused) =>
        string.Create(CultureInfo.InvariantCulture, $"The ceiling is that of {read:N0} images, the first ones by SHA-256.")
        + (refused is null ? "" : string.Create(CultureInfo.InvariantCulture, $" {sampled - read:N0} more cannot be read: {refused}."));
}
