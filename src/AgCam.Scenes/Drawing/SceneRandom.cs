using static AgCam.SplitMix64;

namespace AgCam.Scenes.Drawing;

/// <summary>Parts of a scene. Each has its own random numbers, so that changing one part leaves the others unchanged.</summary>
internal enum ScenePart
{
    Object = 1,
    Backdrop = 2,
    Paint = 3,
    Occluder = 4,
    Light = 5,
    Watermark = 6,
    WatermarkPlace = 7,
    Training = 8,
    Hidden = 9,
}

/// <summary>
/// Random numbers that depend only on (seed, index, part): SplitMix64 (Steele, Lea, Flood 2014), seeded with a hash of the three. So scenes
/// can be drawn in any order, on any thread and machine.
/// </summary>
internal sealed class SceneRandom(long seed, long index, ScenePart part)
{
    private ulong _state = Mix(Mix(Mix((ulong)seed + Golden) ^ (ulong)index) + (ulong)part * Golden);

    public ulong Next() => Mix(_state += Golden);

    /// <summary>Returns a uniform number in [0, 1).</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    public double Between(double low, double high) => low + (high - low) * Unit();

    /// <summary>Returns a uniform integer from 0 to count - 1.</summary>
    public int Below(int count) => (int)(((Next() >> 32) * (ulong)count) >> 32);

    public bool Chance(double probability) => Unit() < probability;

    /// <summary>Returns a hash of a lattice point in [0, 1), for smooth noise.</summary>
    public static double Lattice(ulong key, int x, int y) => (Mix(key ^ Mix(((ulong)(uint)x << 32) | (uint)y)) >> 11) * (1.0 / (1UL << 53));
}
