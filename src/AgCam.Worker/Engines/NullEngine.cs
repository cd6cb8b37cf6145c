using System.Buffers.Binary;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Preprocessing;

namespace AgCam.Worker.Engines;

/// <summary>
/// Stands in for a model where the pipeline itself is tested or measured: the image is read and hashed, and the explanation follows from the hash alone,
/// with the shape and size of a real one.
/// </summary>
public sealed class NullEngine(ModelPin model, string dtype = "float32") : IExplainEngine
{
    private const int ClassCount = 1000, Grid = 14, Width = 224;

    /// <summary>The only model that <see cref="NullLoader"/> has.</summary>
    public static ModelPin Pin { get; } = new() { Id = "null", Sha256 = Digest.Of("the null model"u8) };

    private static readonly ClassNames Names = new(ClassCount, [.. Enumerable.Range(0, ClassCount).Select(i => $"class {i}")]);

    public ModelPin Model => model;

    public ClassNames Classes => Names;

    public ExplanationRecipe Recipe(ExplainOptions options) => new(model.Sha256, "null", "none", $"null/1;{options.Method}", dtype);

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

    /// <summary>The bytes are not decoded, but they must begin like an image of a known format.</summary>
    public EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits)
    {
        if (bytes is not ([0xFF, 0xD8, ..] or [0x89, (byte)'P', ..] or [(byte)'R', (byte)'I', ..] or [(byte)'G', (byte)'I', ..] or [(byte)'B', (byte)'M', ..] or [(byte)'I', (byte)'I', ..] or [(byte)'M', (byte)'M', ..]))
            throw new ImageException(ImageFailure.UnsupportedFormat, "The bytes do not begin like an image.");
        return new EngineInput(
            digest, new PreparedImage([], Width, Width, new InputTransform(1, 1, 0, 0, Width, Width)), new PictureFacts(Width, Width, First(digest), 0.5f, bytes.Length, 7));
    }

    public IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options) =>
        [.. images.Select((image, i) => Explain(image, labels[i], options))];

    public IReadOnlyList<BoundingBox> Boxes(Heatmap map, int originalWidth, int originalHeight, double threshold)
    {
        const double patch = (double)Width / Grid;
        return [.. map.Normalize().Boxes(threshold, BoxSelection.Largest).Select(box => new BoundingBox(box.X * patch, box.Y * patch, box.Width * patch, box.Height * patch, box.Score))];
    }

    public void Dispose()
    {
    }

    private static Explanation Explain(EngineInput image, int? label, ExplainOptions options)
    {
        var random = new Sequence(image.Digest);
        var logits = new float[ClassCount];
        var sum = 0.0;
        for (var i = 0; i < ClassCount; i++)
        {
            logits[i] = random.Next() * 4;
            sum += Math.Exp(logits[i]);
        }
        var predicted = (int)(random.Next() * ClassCount) % ClassCount;
        sum += Math.Exp(10) - Math.Exp(logits[predicted]);
        logits[predicted] = 10;
        var logSumExp = Math.Log(sum);
        return new Explanation
        {
            Logits = logits,
            LogSumExp = logSumExp,
            Predictions = [.. Highest(logits).Select(i => new Prediction(i, Names[i], Math.Exp(logits[i] - logSumExp), logits[i]))],
            Label = label,
            Transform = image.Image.Transform,
            Targets = [.. options.Targets.SelectMany(target => target.Resolve(logits, label), (target, resolved) => new TargetExplanation
            {
                Requested = target.Canonical(label), Class = resolved.Class, Name = Names[resolved.Class], Against = resolved.Against,
                AgainstName = resolved.Against is { } against ? Names[against] : null, Heatmap = Map(image.Digest, resolved.Class), Boxes = [],
            })],
        };
    }

    /// <summary>The five highest, highest first; cheaper than sorting all.</summary>
    private static int[] Highest(float[] logits)
    {
        var highest = new int[] { -1, -1, -1, -1, -1 };
        for (var i = 0; i < logits.Length; i++)
        {
            if (highest[^1] >= 0 && logits[i] <= logits[highest[^1]])
                continue;
            var candidate = i;
            for (var rank = 0; rank < highest.Length && candidate >= 0; rank++)
                if (highest[rank] < 0 || logits[candidate] > logits[highest[rank]])
                    (highest[rank], candidate) = (candidate, highest[rank]);
        }
        return highest;
    }

    private static Heatmap Map(Digest image, int @class)
    {
        var random = new Sequence(image, @class);
        var values = new float[Grid * Grid];
        foreach (ref var value in values.AsSpan())
            value = random.Next();
        return new Heatmap(Grid, Grid, values);
    }

    /// <summary>Its first eight bytes; a hash code would be another in every process.</summary>
    private static long First(Digest digest)
    {
        Span<byte> bytes = stackalloc byte[Digest.Size];
        digest.CopyTo(bytes);
        return BinaryPrimitives.ReadInt64BigEndian(bytes);
    }

    /// <summary>xorshift64*: numbers that follow from a digest on any machine.</summary>
    private struct Sequence
    {
        private ulong _state;

        public Sequence(Digest seed, int salt = 0)
        {
            Span<byte> bytes = stackalloc byte[Digest.Size];
            seed.CopyTo(bytes);
            _state = (BinaryPrimitives.ReadUInt64BigEndian(bytes) ^ ((ulong)salt * 0x9E3779B97F4A7C15)) | 1;
        }

        /// <returns>In [0, 1).</returns>
        public float Next()
        {
            _state ^= _state >> 12;
            _state ^= _state << 25;
            _state ^= _state >> 27;
            return ((_state * 0x2545F4914F6CDD1D) >> 40) / (float)(1 << 24);
        }
    }
}

/// <summary>Has the null model and no other.</summary>
public sealed class NullLoader : IEngineLoader
{
    public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancel) => model == NullEngine.Pin
        ? Task.FromResult<IExplainEngine>(new NullEngine(model, dtype))
        : throw new Models.ModelException(Models.ModelFailure.NotFound, $"This worker explains with the null model only, not with {model.Id}.");
}
