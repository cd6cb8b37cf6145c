using System.Buffers.Binary;
using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Testing;

/// <summary>
/// Creates records of imaginary images with realistic size and spread: 1000 classes, a map of 14 x 14, 100 logits, an embedding of 768.
/// They fill stores in tests and benchmarks.
/// </summary>
internal sealed class SyntheticImages
{
    private const int Classes = 1000,
        Templates = 64,
        Grid = 14,
        Width = 768;

    private readonly Digest _provenance = Digest.Of("synthetic"u8);
    private readonly TargetMap[] _maps = new TargetMap[Templates];
    private readonly TopLogits[] _logits = new TopLogits[Templates];
    private readonly byte[][] _embeddings = new byte[Templates][];
    private readonly ulong _salt;

    /// <param name="seed">Equal seeds give equal records.</param>
    public SyntheticImages(int seed)
    {
        var random = new Random(seed);
        _salt = (ulong)random.NextInt64();
        var values = new float[Grid * Grid];
        var logits = new float[Classes];
        var embedding = new float[Width];
        for (var i = 0; i < Templates; i++)
        {
            foreach (ref var value in values.AsSpan())
                value = random.NextSingle();
            foreach (ref var logit in logits.AsSpan())
                logit = random.NextSingle() * 20 - 10;
            _maps[i] = TargetMap.From(["predicted"], 0, "", Grid, Grid, values);
            _logits[i] = TopLogits.From(logits);
            foreach (ref var value in embedding.AsSpan())
                value = random.NextSingle() * 4 - 2;
            _embeddings[i] = HalfBytes.From(embedding);
        }
    }

    public static ModelPin Model { get; } = new() { Id = "synthetic_vit", Sha256 = Digest.Of("synthetic model"u8) };

    public static JobSpec Spec { get; } = new() { Source = "synthetic", Model = Model };

    public static IReadOnlyList<ImageReference> References(int from, int count) => [.. Enumerable.Range(from, count).Select(Reference)];

    public StoredExplanation Explanation(int number)
    {
        var (image, predicted) = (Image(number), Class(number));
        return new StoredExplanation
        {
            Id = ExplanationId(number),
            Image = image,
            Provenance = _provenance,
            Picture = new PictureFacts(
                640,
                480,
                (long)Mix((ulong)number),
                0.2f + (0.6f * Part(number, 7)),
                40 + (160 * Part(number, 8)),
                6 + (1.5f * Part(number, 9)),
                0.125f,
                0.875f
            ),
            Top =
            [
                .. Enumerable
                    .Range(0, StoredExplanation.MaxTop)
                    .Select(rank => new StoredPrediction(
                        (predicted + rank) % Classes,
                        Name((predicted + rank) % Classes),
                        12f - rank,
                        Probability(number) / (rank + 1)
                    )),
            ],
            Logits = _logits[number % Templates],
            LogSumExp = 12.5f,
            Maps = [_maps[number % Templates] with { Class = predicted, Name = Name(predicted) }],
            Embedding = _embeddings[number % Templates],
        };
    }

    public Item Item(Guid job, int number, DateTimeOffset time)
    {
        var reference = Reference(number);
        if (Mix((ulong)number + 17) % 200 == 0)
            return new Item
            {
                Job = job,
                Number = number,
                Status = ItemStatus.Failed,
                Reason = AgCam.Images.ImageFailure.Corrupt,
                Detail = "The file ends early.",
                Kind = reference.Kind,
                Uri = reference.Uri,
                Label = reference.Label,
                Model = Model.Id,
                Time = time,
            };
        var predicted = Name(Class(number));
        return new Item
        {
            Job = job,
            Number = number,
            Status = ItemStatus.Completed,
            Kind = reference.Kind,
            Uri = reference.Uri,
            Sha256 = Image(number),
            Label = reference.Label,
            Model = Model.Id,
            Predicted = predicted,
            Probability = Probability(number),
            Correct = predicted == reference.Label,
            LabelClass = reference.Label,
            LabelLogit = 3.5f,
            LabelProbability = predicted == reference.Label ? Probability(number) : (1 - Probability(number)) / 2,
            Boxes = [new BoundingBox(12, 40, 310, 222, 0.75), new BoundingBox(400, 10, 80, 64, 0.125)],
            Explanation = ExplanationId(number),
            Time = time,
        };
    }

    private static ImageReference Reference(int number) =>
        new()
        {
            Number = number,
            Uri = $"/data/synthetic/{Class(number):000}/{number:00000000}.jpg",
            Label = Name(Mix((ulong)number + 3) % 10 == 0 ? Class(number + 1) : Class(number)),
        };

    /// <summary>Common classes and rare ones.</summary>
    private static int Class(int number)
    {
        var part = Mix((ulong)number) % 1_000_000 / 1e6;
        return (int)(Classes * part * part);
    }

    private static float Probability(int number) => (float)Math.Sqrt(Mix((ulong)number + 5) % 1_000_000 / 1e6);

    /// <summary>Returns one of several independent numbers in [0, 1).</summary>
    private static float Part(int number, ulong which) => Mix((ulong)number + (which << 48)) % 1_000_000 / 1e6f;

    public static string Name(int @class) => $"class {@class:000}";

    private Digest Image(int number) => Hash((ulong)number);

    private Digest ExplanationId(int number) => Hash((ulong)number + (1UL << 40));

    private Digest Hash(ulong number)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, _salt);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], number);
        return Digest.Of(bytes);
    }

    /// <summary>The finaliser of SplitMix64 (Steele, Lea, Flood 2014): neighbours become unlike.</summary>
    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
