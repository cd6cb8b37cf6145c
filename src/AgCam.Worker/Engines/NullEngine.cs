using System.Buffers.Binary;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Preprocessing;

namespace AgCam.Worker.Engines;

/// <summary>
/// Substitute for a model, to test and measure the pipeline. It hashes the image and derives an explanation from the hash, with the shape
/// and size of a real one.
/// </summary>
public sealed class NullEngine(ModelPin model, string dtype = "float32") : IExplainEngine
{
    private const int ClassCount = 1000,
        Grid = 14,
        Width = 224,
        EmbeddingWidth = 768;

    /// <summary>Model of <see cref="NullLoader"/>, its only one.</summary>
    public static ModelPin Pin { get; } = new() { Id = "null", Sha256 = Digest.Of("the null model"u8) };

    private static readonly ClassNames Names = new(ClassCount, [.. Enumerable.Range(0, ClassCount).Select(i => $"class {i}")]);

    public ModelPin Model => model;

    public ClassNames Classes => Names;

    public ExplanationRecipe Recipe(ExplainOptions options) =>
        new(model.Sha256, "null", AgCam.Provenance.NoPreprocessing, $"null/2;{options.CanonicalMethod()}", dtype, options.WithEmbedding);

    public Provenance Provenance(ExplainOptions options)
    {
        var recipe = Recipe(options);
        var (version, commit) = AgCam.Provenance.Software;
        return new Provenance
        {
            ModelId = model.Id,
            ModelSha256 = model.Sha256,
            ModelSource = "built in",
            ModelShape = recipe.Shape,
            Preprocessing = recipe.Preprocessing,
            Method = recipe.Method,
            Dtype = dtype,
            Device = "none",
            SoftwareVersion = version,
            Commit = commit,
            TorchSharpVersion = "none",
            LibtorchVersion = "none",
        };
    }

    /// <summary>Hashes the image without decoding it. The first bytes must be those of a known format.</summary>
    public EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits)
    {
        if (
            bytes
            is not (
                [0xFF, 0xD8, ..]
                or [0x89, (byte)'P', ..]
                or [(byte)'R', (byte)'I', ..]
                or [(byte)'G', (byte)'I', ..]
                or [(byte)'B', (byte)'M', ..]
                or [(byte)'I', (byte)'I', ..]
                or [(byte)'M', (byte)'M', ..]
            )
        )
            throw new ImageException(ImageFailure.UnsupportedFormat, "The first bytes are not those of an image.");
        return new EngineInput(
            digest,
            new PreparedImage([], Width, Width, new InputTransform(1, 1, 0, 0, Width, Width)),
            new PictureFacts(Width, Width, First(digest), 0.5f, bytes.Length, 7, 0.25f, 0.75f)
        );
    }

    public IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options) =>
        [.. images.Select((image, i) => Explain(image, labels[i], options))];

    public IReadOnlyList<BoundingBox> Boxes(Heatmap map, int originalWidth, int originalHeight, double threshold)
    {
        const double patch = (double)Width / Grid;
        return
        [
            .. map.Normalize()
                .Boxes(threshold, BoxSelection.Largest)
                .Select(box => new BoundingBox(box.X * patch, box.Y * patch, box.Width * patch, box.Height * patch, box.Score)),
        ];
    }

    public void Dispose() { }

    /// <summary>Logits below the top one. Every image has them rotated by another offset.</summary>
    private static readonly float[] Others =
    [
        .. Enumerable.Range(0, ClassCount).Select(i => (float)(4 * Math.Pow(i / (double)ClassCount, 3))),
    ];

    private static readonly double SumOfOthers = Others.Sum(logit => Math.Exp(logit));

    /// <summary>Profile of a round spot. Every image has it around another centre.</summary>
    private static readonly float[] Bell = [.. Enumerable.Range(1 - Grid, 2 * Grid - 1).Select(i => (float)Math.Exp(-i * i / 18.0))];

    /// <summary>Noise whose parts are the embeddings. Every image has another part.</summary>
    private static readonly Half[] Noise = SomeNoise(EmbeddingWidth + (1 << 16));

    /// <summary>Computes almost nothing, so that measurements show the pipeline's cost.</summary>
    private static Explanation Explain(EngineInput image, int? label, ExplainOptions options)
    {
        var (place, predicted) = Places(image.Digest, ClassCount);
        var top = 5 + (First(image.Digest) & 0xFFFFFF) / (float)(1 << 22); // 5 to 9: more and less certain predictions
        var logits = new float[ClassCount];
        Others.AsSpan(place).CopyTo(logits);
        Others.AsSpan(0, place).CopyTo(logits.AsSpan(ClassCount - place));
        var logSumExp = Math.Log(SumOfOthers - Math.Exp(logits[predicted]) + Math.Exp(top));
        logits[predicted] = top;
        return new Explanation
        {
            Logits = logits,
            LogSumExp = logSumExp,
            Predictions =
            [
                .. FiveHighest(place, predicted).Select(i => new Prediction(i, Names[i], Math.Exp(logits[i] - logSumExp), logits[i])),
            ],
            Label = label,
            Embedding = options.WithEmbedding ? Noise.AsSpan((64 * place) + (predicted % 64), EmbeddingWidth).ToArray() : null,
            Transform = image.Image.Transform,
            Targets =
            [
                .. Target
                    .Resolve(options.Targets, logits, label)
                    .Select(map => new TargetExplanation
                    {
                        Requested = map.Requested,
                        Class = map.Target.Class,
                        Name = Names[map.Target.Class],
                        Against = map.Target.Against,
                        AgainstName = map.Target.Against is { } against ? Names[against] : null,
                        Heatmap = Map(image.Digest, map.Target.Class),
                        Boxes = [],
                    }),
            ],
        };
    }

    private static IEnumerable<int> FiveHighest(int place, int predicted) =>
        Enumerable.Range(1, 5).Select(i => (2 * ClassCount - place - i) % ClassCount).Where(i => i != predicted).Prepend(predicted).Take(5);

    private static Heatmap Map(Digest image, int @class)
    {
        var (x, y) = Places(image, Grid, @class);
        var values = new float[Grid * Grid];
        for (var row = 0; row < Grid; row++)
        for (var column = 0; column < Grid; column++)
            values[row * Grid + column] = Bell[y + row] * Bell[x + column];
        return new Heatmap(Grid, Grid, values);
    }

    /// <summary>Returns normal random numbers, the same in every process.</summary>
    private static Half[] SomeNoise(int count)
    {
        var random = new Random(1);
        var values = new Half[count];
        foreach (ref var value in values.AsSpan())
            value = (Half)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())); // Box-Muller
        return values;
    }

    /// <summary>Returns two numbers below <paramref name="limit"/> that follow from a digest on any machine.</summary>
    private static (int First, int Second) Places(Digest digest, int limit, int salt = 0)
    {
        var bits = ((ulong)First(digest) ^ (ulong)salt) * 0x9E3779B97F4A7C15; // Fibonacci hashing
        return ((int)((bits >> 32) % (uint)limit), (int)((bits & uint.MaxValue) % (uint)limit));
    }

    /// <summary>Returns the first eight bytes of a digest. A hash code would differ between processes.</summary>
    private static long First(Digest digest)
    {
        Span<byte> bytes = stackalloc byte[Digest.Size];
        digest.CopyTo(bytes);
        return BinaryPrimitives.ReadInt64BigEndian(bytes);
    }
}

/// <summary>Loads the null model, its only one.</summary>
public sealed class NullLoader : IEngineLoader
{
    public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
        model == NullEngine.Pin
            ? Task.FromResult<IExplainEngine>(new NullEngine(model, dtype))
            : throw new Models.ModelException(Models.ModelFailure.NotFound, $"This worker has only the null model, not {model.Id}.");
}
