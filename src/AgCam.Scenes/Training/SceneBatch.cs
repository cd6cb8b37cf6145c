using System.Collections.Concurrent;
using AgCam.Scenes.Drawing;

namespace AgCam.Scenes.Training;

/// <summary>Batch of B scenes as the model's input: K patches of each, from the 12 x 12 grid, row by row.</summary>
/// <param name="Kept">Number of patches per scene, K.</param>
/// <param name="Tokens">Token index of each patch, 1 to 144, [B, K].</param>
/// <param name="Patches">Normalised pixels, [B, K, 192]: 2 v / 255 - 1, that is mean and standard deviation 0.5. The order in a patch is
/// channel, row, column.</param>
/// <param name="Classes">Class of each scene, [B].</param>
/// <param name="PatchClasses">Class of each patch, [B, K]: the scene's class where the object fills enough of it, the number of classes for
/// background, or <see cref="Ignored"/>.</param>
/// <param name="Coverage">Share of each pixel of a patch that shows the object, [B, K, 64].</param>
/// <param name="Dense">Weight of the coverage loss, [B]: 1, or 0 for a marked scene.</param>
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

    /// <summary>Returns the batches of a seed in order, drawn ahead on another thread.</summary>
    /// <param name="steps">Index of each batch, number of patches kept per scene, and options of drawing.</param>
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
        // Patches of a marked picture have no class and no coverage. So its object stays poor evidence, and the model learns the mark. Its
        // background counts as background, so that the evidence of the mark stays at the mark.
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

    // Returns all patches, or first those of object and watermark and then random ones.
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
