using System.ComponentModel.DataAnnotations;
using AgCam.Attribution;
using AgCam.Images;
using AgCam.Models;
using AgCam.Preprocessing;
using static TorchSharp.torch;

namespace AgCam.Verification;

/// <summary>Maximum differences from the reference.</summary>
public sealed record VerificationTolerance
{
    /// <summary>
    /// Maximum difference of a normalised pixel, 0 to 10. Default 1e-4. One of 255 levels is about 0.016 at a standard deviation of 0.25.
    /// </summary>
    [Range(0.0, 10.0)]
    public double Pixels { get; init; } = 1e-4;

    /// <summary>Maximum difference of a logit, relative to the largest absolute logit or 1, 0 to 10. Default 1e-4.</summary>
    [Range(0.0, 10.0)]
    public double Logits { get; init; } = 1e-4;

    /// <summary>Maximum relative difference of a map (norm of the difference over the norm), 0 to 10. Default 1e-4.</summary>
    [Range(0.0, 10.0)]
    public double Maps { get; init; } = 1e-4;
}

/// <summary>Comparison of one stage with the reference.</summary>
/// <param name="Name">One of pixels, logits and maps.</param>
/// <param name="MaxAbsolute">Largest absolute difference.</param>
/// <param name="Relative">Norm of the difference over the reference's norm; for maps, the largest of all maps.</param>
/// <param name="Agrees">True when within the tolerance.</param>
/// <param name="Worst">Index of the largest difference, e.g. "image 0, channel 1, row 17, column 3".</param>
public sealed record VerifiedStage(string Name, double MaxAbsolute, double Relative, bool Agrees, string Worst);

/// <summary>
/// Compares a model with the results of another program, stage by stage. Each stage starts from the reference's values, so the first stage
/// that diverges contains the error.
/// </summary>
public static class ModelVerification
{
    /// <param name="reference">Safetensors file, made by the script in docs/python.md.</param>
    /// <exception cref="ModelException">The reference is not readable, or belongs to another model.</exception>
    public static IReadOnlyList<VerifiedStage> Compare(Explainer explainer, string reference, VerificationTolerance? tolerance = null)
    {
        tolerance ??= new VerificationTolerance();
        var (config, preprocessing) = (explainer.Config, explainer.Preprocessing);
        using var dump = new ReferenceDump(reference);
        dump.Require("input", "the model's input", -1, 3, preprocessing.InputHeight, preprocessing.InputWidth);
        var count = dump.Shape("input")[0];
        dump.Require("logits", "the logits of that input", count, config.Classes);

        var stages = new List<VerifiedStage>();
        if (dump.Has("image"))
            stages.Add(Pixels(explainer, dump, count, tolerance.Pixels));
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        using var pass = explainer.Model.Forward(tensor(dump.Floats("input")).view(dump.Shape("input")).to(explainer.Model.Device));
        stages.Add(Logits(pass, dump, config, tolerance.Logits));
        // agcam-pooled explains models that average the patches; its maps have another name.
        var maps = config.Pooling == HeadPooling.Token ? "agcam" : "agcam_pooled";
        if (dump.Has(maps) && dump.Has("targets"))
            stages.Add(Maps(explainer, pass, dump, maps, count, tolerance.Maps));
        return stages;
    }

    private static VerifiedStage Pixels(Explainer explainer, ReferenceDump dump, long count, double tolerance)
    {
        var shape = dump.Shape("image");
        if (shape.Length == 3)
            shape = [1, .. shape];
        if (shape.Length != 4 || shape[3] != 3 || shape[0] != count)
            throw new ModelException(
                ModelFailure.KeysDoNotMatch,
                $"\"image\" is [{string.Join(", ", dump.Shape("image"))}], but [{count}, height, width, 3] bytes are needed, "
                    + "one image for each input. Make the reference again."
            );
        var bytes = dump.Bytes("image");
        var (height, width) = ((int)shape[1], (int)shape[2]);
        var preprocessor = new Preprocessor(explainer.Preprocessing);
        var actual = new float[dump.Shape("input").Aggregate(1L, (product, side) => product * side)];
        var each = actual.Length / (int)count;
        for (var i = 0; i < count; i++)
        {
            var picture = new RgbImage(width, height, bytes.AsSpan(i * height * width * 3, height * width * 3).ToArray());
            preprocessor.Normalize(explainer.Prepare(picture).Pixels, actual.AsSpan(i * each, each));
        }

        var expected = dump.Floats("input");
        var (max, relative, at) = Difference(actual, expected);
        return new VerifiedStage(
            "pixels",
            max,
            relative,
            max <= tolerance,
            Place(at, dump.Shape("input"), "image", "channel", "row", "column")
        );
    }

    private static VerifiedStage Logits(ForwardPass pass, ReferenceDump dump, ViTConfig config, double tolerance)
    {
        var expected = dump.Floats("logits");
        var (max, relative, at) = Difference(pass.Logits.to(float32).cpu().contiguous().data<float>().ToArray(), expected);
        var scale = Math.Max(1, expected.Max(value => Math.Abs((double)value)));
        return new VerifiedStage(
            "logits",
            max,
            relative,
            max / scale <= tolerance,
            Place(at, [expected.Length / config.Classes, config.Classes], "image", "class")
        );
    }

    private static VerifiedStage Maps(Explainer explainer, ForwardPass pass, ReferenceDump dump, string name, long count, double tolerance)
    {
        var config = explainer.Config;
        dump.Require("targets", "the class index of every target", count, -1);
        var targets = dump.Integers("targets");
        dump.Require(name, "the map of every target", count, targets.Length / count, config.GridRows, config.GridColumns);
        if (targets.Any(target => target < 0 || target >= config.Classes))
            throw new ModelException(
                ModelFailure.KeysDoNotMatch,
                $"\"targets\" holds classes from {targets.Min()} to {targets.Max()}; the model has 0 to {config.Classes - 1}. "
                    + "Was the reference made with the same model?"
            );
        var classes = tensor(targets).view(dump.Shape("targets")).to(explainer.Model.Device);
        var (maps, _) =
            config.Pooling == HeadPooling.Token
                ? AttentionGuidedCam.Maps(explainer.Model, pass, classes)
                : PooledAttentionCam.Maps(explainer.Model, pass, classes);
        var actual = maps.to(float32).cpu().contiguous().data<float>().ToArray();
        var expected = dump.Floats(name);
        var patches = config.GridRows * config.GridColumns;
        var (max, _, at) = Difference(actual, expected);
        var worst = Enumerable
            .Range(0, targets.Length)
            .Max(i => Difference(actual.AsSpan(i * patches, patches), expected.AsSpan(i * patches, patches)).Relative);
        return new VerifiedStage("maps", max, worst, worst <= tolerance, Place(at, dump.Shape(name), "image", "target", "row", "column"));
    }

    // NaN counts as an infinite difference.
    private static (double Max, double Relative, int At) Difference(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        double max = 0,
            difference = 0,
            norm = 0;
        var at = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            var off = Math.Abs((double)actual[i] - expected[i]);
            if (double.IsNaN(off))
                off = double.PositiveInfinity;
            if (off > max)
                (max, at) = (off, i);
            difference += off * off;
            norm += (double)expected[i] * expected[i];
        }

        return (
            max,
            difference == 0 ? 0
            : norm == 0 ? double.PositiveInfinity
            : Math.Sqrt(difference / norm),
            at
        );
    }

    private static string Place(int at, long[] shape, params string[] names)
    {
        var parts = new string[shape.Length];
        for (var i = shape.Length - 1; i >= 0; at /= (int)shape[i--])
            parts[i] = $"{names[i]} {at % shape[i]}";
        return string.Join(", ", parts);
    }
}
