namespace AgCam;

/// <summary>Parses the number type of the forward pass.</summary>
public static class ComputeDtype
{
    /// <summary>Returns the bytes of one number.</summary>
    /// <exception cref="ArgumentException">The type is unknown.</exception>
    public static int Bytes(string dtype) => Canonical(dtype) == "float32" ? 4 : 2;

    /// <summary>Returns the full name of a type.</summary>
    /// <returns>One of float32, bfloat16 and float16.</returns>
    /// <exception cref="ArgumentException">The type is unknown.</exception>
    public static string Canonical(string text) =>
        text.Trim().ToLowerInvariant() switch
        {
            "float32" or "f32" => "float32",
            "bfloat16" or "bf16" => "bfloat16",
            "float16" or "f16" => "float16",
            _ => throw new ArgumentException($"There is no dtype \"{text}\". Give float32, bfloat16 or float16."),
        };
}
