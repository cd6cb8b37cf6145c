namespace AgCam.Models;

/// <summary>Number types of stored tensors, named as in the safetensors format.</summary>
public enum DType
{
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F4,
    F6E2M3,
    F6E3M2,
    F8E5M2,
    F8E4M3,
    F8E8M0,
    F8E4M3Fnuz,
    F8E5M2Fnuz,
    F16,
    BF16,
    F32,
    F64,
    C64,
}

public static class DTypes
{
    /// <summary>Returns the bits of one element.</summary>
    public static int Bits(this DType type) =>
        type switch
        {
            DType.F4 => 4,
            DType.F6E2M3 or DType.F6E3M2 => 6,
            DType.Bool or DType.U8 or DType.I8 => 8,
            DType.F8E5M2 or DType.F8E4M3 or DType.F8E8M0 or DType.F8E4M3Fnuz or DType.F8E5M2Fnuz => 8,
            DType.U16 or DType.I16 or DType.F16 or DType.BF16 => 16,
            DType.U32 or DType.I32 or DType.F32 => 32,
            DType.U64 or DType.I64 or DType.F64 or DType.C64 => 64,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a number type of safetensors"),
        };

    /// <summary>Returns whether weights may have this type: F32, F16, BF16 or F64.</summary>
    public static bool IsWeight(this DType type) => type is DType.F32 or DType.F16 or DType.BF16 or DType.F64;

    /// <summary>Returns the name in a safetensors header.</summary>
    public static string Name(this DType type) =>
        type switch
        {
            DType.Bool => "BOOL",
            DType.F6E2M3 => "F6_E2M3",
            DType.F6E3M2 => "F6_E3M2",
            DType.F8E5M2 => "F8_E5M2",
            DType.F8E4M3 => "F8_E4M3",
            DType.F8E8M0 => "F8_E8M0",
            DType.F8E4M3Fnuz => "F8_E4M3FNUZ",
            DType.F8E5M2Fnuz => "F8_E5M2FNUZ",
            _ => type.ToString(),
        };

    public static bool TryParse(string name, out DType type) => ByName.TryGetValue(name, out type);

    private static readonly Dictionary<string, DType> ByName = Enum.GetValues<DType>().ToDictionary(Name);
}
