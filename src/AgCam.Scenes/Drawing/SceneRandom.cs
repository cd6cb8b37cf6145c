using static AgCam.SplitMix64;

namespace AgCam.Scenes.Drawing;

/// <summary>The parts of a scene, each with random numbers of its own: changing one part leaves the others as they were.</summary>
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
/// Random numbers that depend on (seed, index, part) alone: SplitMix64 (Steele, Lea, Flood 2014) started from a hash of the three.
/// Scenes can be drawn in any order, on any thread and machine.
/// </summary>
internal sealed class SceneRandom(long seed, long index, ScenePart part)
{
    private ulong _state = Mix(Mix(Mix((ulong)seed + Golden) ^ (ulong)index) + (ulong)part * Golden);

    public ulong Next() => Mix(_state += Golden);

    /// <summary>Uniform in [0, 1).</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    public double Between(double low, double high) => low + (high - low) * Unit();

    /// <summary>Uniform in 0 .. count - 1.</summary>
    public int Below(int count) => (int)(((Next() >> 32) * (ulong)count) >> 32);

    public bool Chance(double probability) => Unit() < probability;

    /// <summary>A hash of a lattice point in [0, 1), for smooth noise.</summary>
    public static double Lattice(ulong key, int x, int y) => (Mix(key ^ Mix(((ulong)(uint)x << 32) | (uint)y)) >> 11) * (1.0 / (1UL << 53));
}
