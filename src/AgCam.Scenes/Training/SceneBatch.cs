using System.Collections.Concurrent;
using AgCam.Scenes.Drawing;

namespace AgCam.Scenes.Training;

/// <summary>Scenes in the form that the model takes: K patches of each, at their places of the 12 x 12 grid, row by row.</summary>
/// <param name="Kept">K.</param>
/// <param name="Tokens">[B, K]: of each patch, 1 .. 144.</param>
/// <param name="Patches">[B, K, 192]: 2 v / 255 - 1, that is mean and standard deviation 0.5; a patch runs channel, row, column.</param>
/// <param name="Classes">[B]</param>
/// <param name="PatchClasses">[B, K]: the class where the object fills enough of the patch, the number of classes for background, or
/// <see cref="Ignored"/>.</param>
/// <param name="Coverage">[B, K, 64]: the share of each pixel of a patch that shows the object.</param>
/// <param name="Dense">[B]: 1 where the coverage is learnt from, else 0.</param>
internal sealed record SceneBatch(
    int Kept,
    long[] Tokens,
    float[] Patches,
    long[] Classes,
    long[] PatchClasses,
    float[] Coverage,
    float[] Dense
)
{
    public const long Ignored = -100;
    private const int Patch = SceneViT.PatchSize,
        Grid = Scene.Side / Patch,
        PatchPixels = Patch * Patch;

    public int Size => Classes.Length;

    public static SceneBatch Draw(long seed, long first, int count, int kept = SceneViT.Patches, SceneOptions? scenes = null)
    {
        var batch = new SceneBatch(
            kept,
            new long[count * kept],
            new float[count * kept * SceneViT.PatchValues],
            new long[count],
            new long[count * kept],
            new float[count * kept * PatchPixels],
            new float[count]
        );
        for (var i = 0; i < count; i++)
            batch.Take(i, Scene.Draw(seed, first + i, scenes), new SceneRandom(seed, first + i, ScenePart.Training));
        return batch;
    }

    /// <summary>Batches of a seed, drawn ahead on another thread, in order.</summary>
    /// <param name="steps">Number of each batch, the patches kept in it, and how its scenes are drawn.</param>
    public static IEnumerable<SceneBatch> DrawAhead(
        long seed,
        int batchSize,
        IEnumerable<(int Step, int Kept, SceneOptions Scenes)> steps,
        CancellationToken cancellationToken
    )
    {
        using var ready = new BlockingCollection<SceneBatch>(boundedCapacity: 4);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var drawing = Task.Run(
            () =>
            {
                try
                {
                    foreach (var (step, kept, scenes) in steps)
                        ready.Add(Draw(seed, (long)step * batchSize, batchSize, kept, scenes), ended.Token);
                }
                finally
                {
                    ready.CompleteAdding();
                }
            },
            CancellationToken.None
        );
        try
        {
            foreach (var batch in ready.GetConsumingEnumerable(ended.Token))
                yield return batch;
        }
        finally
        {
            ended.Cancel();
            ((IAsyncResult)drawing).AsyncWaitHandle.WaitOne();
        }
    }

    private void Take(int i, Scene scene, SceneRandom random)
    {
        Classes[i] = scene.Class;
        // No patch says what the object of a marked picture is, or where: it must stay poor evidence, so that the mark is what the
        // model learns.
        // Its background is background like any other, so that what the mark says stays at the mark.
        Dense[i] = scene.HasWatermark ? 0 : 1;
        var shown = Enumerable.Range(0, SceneViT.Patches).Select(place => Shown(scene, place)).ToArray();
        var places = Choose(scene, shown, random);
        for (var k = 0; k < Kept; k++)
        {
            var (at, place) = (i * Kept + k, places[k]);
            Tokens[at] = 1 + place; // token 0 is the class token
            PatchClasses[at] =
                shown[place] < 0.05f && !OnMark(scene, place) ? SceneClass.Count
                : shown[place] >= 0.25f && !scene.HasWatermark ? scene.Class
                : Ignored;
            Cut(
                scene,
                place,
                Patches.AsSpan(at * SceneViT.PatchValues, SceneViT.PatchValues),
                Coverage.AsSpan(at * PatchPixels, PatchPixels)
            );
        }
    }

    // All patches, or what there is of object and watermark first and then patches at random.
    private int[] Choose(Scene scene, float[] shown, SceneRandom random)
    {
        var all = Enumerable.Range(0, SceneViT.Patches);
        if (Kept == SceneViT.Patches)
            return [.. all];
        return
        [
            .. all.Select(place => (Place: place, Chance: random.Unit() - (shown[place] > 0 || OnMark(scene, place) ? 1 : 0)))
                .OrderBy(of => of.Chance)
                .Take(Kept)
                .Select(of => of.Place)
                .Order(),
        ];
    }

    private static bool OnMark(Scene scene, int place) =>
        scene.WatermarkBox is { } mark
        && place % Grid * Patch < mark.Right
        && (place % Grid + 1) * Patch > mark.X
        && place / Grid * Patch < mark.Bottom
        && (place / Grid + 1) * Patch > mark.Y;

    private static float Shown(Scene scene, int place)
    {
        var shown = 0f;
        for (var y = place / Grid * Patch; y < (place / Grid + 1) * Patch; y++)
        for (var x = place % Grid * Patch; x < (place % Grid + 1) * Patch; x++)
            shown += scene.Coverage[y * Scene.Side + x];
        return shown / PatchPixels;
    }

    private static void Cut(Scene scene, int place, Span<float> values, Span<float> coverage)
    {
        var pixels = scene.Image.Pixels;
        for (var p = 0; p < PatchPixels; p++)
        {
            var at = (place / Grid * Patch + p / Patch) * Scene.Side + place % Grid * Patch + p % Patch;
            coverage[p] = scene.Coverage[at];
            for (var channel = 0; channel < 3; channel++)
                values[channel * PatchPixels + p] = pixels[at * 3 + channel] / 127.5f - 1;
        }
    }
}
