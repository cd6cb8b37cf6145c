using System.Buffers;
using System.Text;

namespace AgCam;

/// <summary>Everything except the image and the targets that determines an explanation's numbers. Equal recipes give equal bytes.</summary>
/// <param name="Model">SHA-256 of the checkpoint's weights.</param>
/// <param name="Shape">Canonical text of what the weights do not define: heads, activation, epsilon, input size. See
/// <see cref="Models.ViTConfig.Canonical"/>.</param>
/// <param name="Preprocessing">Canonical text of the preprocessing, its version included.</param>
/// <param name="Method">Canonical text of the attribution method, its parameters and its version, e.g. <c>agcam/1</c>.</param>
/// <param name="Dtype">float32, float16 or bfloat16.</param>
/// <param name="Embedding">True when the class token's embedding is kept.</param>
public sealed record ExplanationRecipe(
    Digest Model,
    string Shape,
    string Preprocessing,
    string Method,
    string Dtype,
    bool Embedding = false
);

/// <summary>Computes the content address of an explanation. Equal computations are stored once, and a stored one is a cache hit.</summary>
/// <remarks>
/// SHA-256 of the following fields in order. Each is UTF-8 text as a netstring (decimal byte length, colon, bytes, comma), so that
/// different lists of fields give different bytes. The fields are <c>agcam-explanation</c>, the schema version, image digest (hex), model
/// digest (hex), shape, preprocessing, method, dtype, <c>embedding</c> or <c>none</c>, the number of targets, and each target. The order of
/// targets matters: it is the order of the maps. The scheme is fixed; a change of an explanation's numbers or fields changes a version
/// inside it.
/// </remarks>
public static class ExplanationId
{
    /// <summary>Version of an explanation's stored form. Increases when its meaning changes.</summary>
    public const int SchemaVersion = 1;

    /// <param name="image">SHA-256 of the image file's bytes.</param>
    /// <param name="targets">Targets as requested, with "label" replaced by the image's own: "predicted", "top:5", "label:dog".</param>
    public static Digest Compute(Digest image, ExplanationRecipe recipe, IReadOnlyList<string> targets)
    {
        var text = new ArrayBufferWriter<byte>(512);
        Add(text, "agcam-explanation");
        Add(text, SchemaVersion.ToString());
        Add(text, image.ToString());
        Add(text, recipe.Model.ToString());
        Add(text, recipe.Shape);
        Add(text, recipe.Preprocessing);
        Add(text, recipe.Method);
        Add(text, recipe.Dtype);
        Add(text, recipe.Embedding ? "embedding" : "none");
        Add(text, targets.Count.ToString());
        foreach (var target in targets)
            Add(text, target);
        return Digest.Of(text.WrittenSpan);
    }

    private static void Add(ArrayBufferWriter<byte> text, string field)
    {
        Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetByteCount(field)}:", text);
        Encoding.UTF8.GetBytes(field, text);
        text.Write(","u8);
    }
}
