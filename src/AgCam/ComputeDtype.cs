namespace AgCam;

/// <summary>The number type of the forward pass.</summary>
public static class ComputeDtype
{
    /// <summary>Of one number.</summary>
    /// <exception cref="ArgumentException">There is no such type.</exception>
    public static int Bytes(string dtype) => Canonical(dtype) == "float32" ? 4 : 2;

    /// <returns>float32, bfloat16 or float16.</returns>
    /// <exception cref="ArgumentException">Something else was asked for.</exception>
    public static string Canonical(string text) =>
        text.Trim().ToLowerInvariant() switch
        {
            "float32" or "f32" => "float32",
            "bfloat16" or "bf16" => "bfloat16",
            "float16" or "f16" => "float16",
            _ => throw new ArgumentException($"There is no dtype \"{text}\". Give float32, bfloat16 or float16."),
        };
}
