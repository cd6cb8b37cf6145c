using System.Collections.Concurrent;
using System.Text.Json.Serialization;
using AgCam.Images;
using AgCam.Pipeline.Jobs.Sources;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Estimates a job from a sample of its source: readable images, known labels, duration and size. It stores nothing but the
/// explanations of a few images when the model's pace is unknown (<see cref="PaceSample"/>).
/// </summary>
public sealed class DryRun(IStore store, ReferenceReader references, ModelCatalog models, PaceSample sample)
{
    public const int SampleSize = 64;

    private const int Readers = 8;

    private const string NoWorkerAsked =
        "The model has explained nothing here yet, and dry runs ask no worker (Api:DryRunPaceSeconds is 0). Submit a small job first.";

    /// <param name="time">Time limit: half for walking the source, the rest for reading the sample. The report names the rest.</param>
    /// <param name="paceTime">Time for a worker to explain images of the sample when the model's pace is unknown. Zero asks none.</param>
    /// <exception cref="SourceException">The source cannot be used. The job would pause for the same reason.</exception>
    public async Task<DryRunReport> RunAsync(JobSpec spec, TimeSpan time, TimeSpan paceTime, CancellationToken cancellationToken)
    {
        var card = await models.DescribeAsync(spec.Model.Id, cancellationToken);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(time);
        var walk = await WalkAsync(ImageSource.Open(spec, references, store), time / 2, end.Token, cancellationToken);
        var (readable, failures) = await ReadAsync(walk.Sample, end.Token);
        cancellationToken.ThrowIfCancellationRequested();

        var labels = walk.Sample.Select(image => image.Label).OfType<string>().ToList();
        var unknown = labels.Where(label => card.Classes.Find(label) < 0).ToList();
        var pace = await Pace.OfAsync(store, spec, cancellationToken);
        var sampled =
            pace is not null ? null
            : paceTime > TimeSpan.Zero ? await sample.MeasureAsync(spec, card.Classes, readable, paceTime, cancellationToken)
            : SampledPace.Unknown(NoWorkerAsked);
        var perSecond = pace?.PerSecond ?? sampled?.PerSecond;
        var bytes = StoredSize.Estimate(card, spec, walk.Sample);
        return new DryRunReport
        {
            Images = walk.Seen,
            IsWhole = walk.IsWhole,
            Sampled = readable.Count + failures.Count,
            Readable = readable.Count,
            Failures = failures.GroupBy(failure => failure.Reason).ToDictionary(same => same.Key, same => same.Count()),
            Example = failures.FirstOrDefault()?.Message,
            Labelled = labels.Count,
            LabelsOfModel = labels.Count - unknown.Count,
            UnknownLabels = [.. unknown.Distinct().Order(StringComparer.Ordinal).Take(5)],
            ImagesPerSecond = perSecond,
            PaceFrom =
                pace is not null ? PaceSource.History
                : perSecond is null ? null
                : PaceSource.Sample,
            PaceImages = perSecond is null ? null : sampled?.Images,
            Hours = walk.Seen / perSecond / 3600,
            HoursUnknown = sampled?.Problem,
            StoreBytesPerImage = bytes,
            StoreBytes = (long)(bytes * (double)walk.Seen),
        };
    }

    /// <summary>
    /// Walks the source as a task of its own, since the walk of a folder never yields. After the time limit it ends at its next step.
    /// </summary>
    private static async Task<Walked> WalkAsync(
        IImageSource source,
        TimeSpan time,
        CancellationToken end,
        CancellationToken cancellationToken
    )
    {
        var walked = new Walked();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(end);
        var walkToken = over.Token;
        var walking = Task.Run(
            async () =>
            {
                await foreach (var image in source.WalkAsync(new PlanTail(0, 0, null), walkToken))
                {
                    walkToken.ThrowIfCancellationRequested();
                    walked.See(image);
                }
            },
            CancellationToken.None
        );
        await Task.WhenAny(walking, Task.Delay(time, end));
        await over.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
        if (!walking.IsCompleted)
            _ = walking.ContinueWith(late => late.Exception, TaskScheduler.Default);
        else if (!walking.IsCanceled)
            await walking;
        return walked.Snapshot(isWhole: walking.IsCompletedSuccessfully);
    }

    /// <returns>The readable images in random order, and the failures.</returns>
    private async Task<(IReadOnlyList<SampledImage> Readable, IReadOnlyCollection<ImageException> Failures)> ReadAsync(
        IReadOnlyList<ImageReference> images,
        CancellationToken end
    )
    {
        var (readable, failures) = (new ConcurrentQueue<SampledImage>(), new ConcurrentQueue<ImageException>());
        try
        {
            await Parallel.ForEachAsync(
                images,
                new ParallelOptions { MaxDegreeOfParallelism = Readers, CancellationToken = end },
                async (image, cancellationToken) =>
                {
                    try
                    {
                        var (bytes, _) = await references.ReadAsync(image, cancellationToken);
                        ImageDecoder.Decode(bytes, references.Limits);
                        readable.Enqueue(new SampledImage(image, Digest.Of(bytes)));
                    }
                    catch (ImageException failure)
                    {
                        failures.Enqueue(failure);
                    }
                }
            );
        }
        catch (OperationCanceledException)
        {
            // The time is over: report what has been read.
        }
        var shuffled = readable.ToArray(); // otherwise the images that read fastest come first
        Random.Shared.Shuffle(shuffled);
        return (shuffled, failures);
    }

    /// <summary>Draws a sample in which every image has the same probability (reservoir sampling).</summary>
    private sealed class Walked
    {
        private readonly Lock _lock = new();

        public int Seen { get; private set; }

        public bool IsWhole { get; private init; }

        public List<ImageReference> Sample { get; private init; } = [];

        public void See(ImageReference image)
        {
            lock (_lock)
            {
                var place = Seen++ < SampleSize ? Sample.Count : Random.Shared.Next(Seen);
                if (place == Sample.Count && Sample.Count < SampleSize)
                    Sample.Add(image);
                else if (place < SampleSize)
                    Sample[place] = image;
            }
        }

        public Walked Snapshot(bool isWhole)
        {
            lock (_lock)
                return new Walked
                {
                    Seen = Seen,
                    IsWhole = isWhole,
                    Sample = [.. Sample],
                };
        }
    }
}

/// <summary>Result of a <see cref="DryRun"/>.</summary>
public sealed record DryRunReport
{
    /// <summary>Number of images that the walk reached in its time.</summary>
    public required int Images { get; init; }

    /// <summary>Whether the walk reached the end of the source.</summary>
    public required bool IsWhole { get; init; }

    /// <summary>Number of images that were read and decoded as a sample.</summary>
    public required int Sampled { get; init; }

    public required int Readable { get; init; }

    /// <summary>Number of failures in the sample, by reason.</summary>
    public required IReadOnlyDictionary<string, int> Failures { get; init; }

    /// <summary>Description of one failure.</summary>
    public string? Example { get; init; }

    /// <summary>Number of images in the sample that have a label.</summary>
    public required int Labelled { get; init; }

    /// <summary>Number of images whose label is a class of the model.</summary>
    public required int LabelsOfModel { get; init; }

    /// <summary>Examples of labels that are not classes of the model.</summary>
    public required IReadOnlyList<string> UnknownLabels { get; init; }

    /// <summary>Images per second, of all workers or of one: see <see cref="PaceFrom"/>. Null when unknown.</summary>
    public double? ImagesPerSecond { get; init; }

    public PaceSource? PaceFrom { get; init; }

    /// <summary>Number of sampled images that were timed; null when the pace is not from the sample.</summary>
    public int? PaceImages { get; init; }

    /// <summary>Estimated hours for the images seen, at that rate; null without a rate.</summary>
    public double? Hours { get; init; }

    /// <summary>Reason why there is no estimate of hours, and the next step; null with an estimate.</summary>
    public string? HoursUnknown { get; init; }

    public required int StoreBytesPerImage { get; init; }

    /// <summary>Estimated size of the images seen.</summary>
    public required long StoreBytes { get; init; }
}

/// <summary>Origin of a dry run's pace.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PaceSource>))]
public enum PaceSource
{
    /// <summary>The model's last chunks: all workers together, in full batches.</summary>
    [JsonStringEnumMemberName("history")]
    History,

    /// <summary>
    /// A few images of the sample: one worker, in the short batches of the interactive lane. Several workers are faster, and so are
    /// full batches on a GPU.
    /// </summary>
    [JsonStringEnumMemberName("sample")]
    Sample,
}
