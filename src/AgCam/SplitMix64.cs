namespace AgCam;

/// <summary>SplitMix64 (Steele, Lea and Flood 2014). Implemented here because a library's generator may change between versions.</summary>
internal static class SplitMix64
{
    public const ulong Golden = 0x9E3779B97F4A7C15;

    public static ulong Next(ref ulong state) => Mix(state += Golden);

    /// <summary>Mixes the bits of z: the generator's output function, a bijection.</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
