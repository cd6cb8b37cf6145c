using System.Collections.Concurrent;

namespace AgCam.Scenes.Training;

/// <summary>Scenes in the form that the model takes.</summary>
/// <param name="Patches">[B, 144, 192]: 2 v / 255 - 1, that is mean and standard deviation 0.5; a patch runs channel, row, column.</param>
/// <param name="Classes">[B]</param>
/// <param name="PatchClasses">[B, 144]: the class where the object fills enough of the patch, the number of classes for background, or <see cref="Ignored"/>.</param>
/// <param name="Coverage">[B, 144, 64]: the share of each pixel of a patch that shows the object.</param>
/// <param name="Dense">[B]: 1 where the patches are learnt from, else 0.</param>
internal sealed record SceneBatch(float[] Patches, long[] Classes, long[] PatchClasses, float[] Coverage, float[] Dense)
{
    public const long Ignored = -100;
    private const int Patch = SceneViT.PatchSize, Grid = Scene.Side / Patch;

    public int Size => Classes.Length;

    public static SceneBatch Draw(long seed, long first, int count, SceneOptions? options = null)
    {
        const int Pixels = Scene.Side * Scene.Side, Values = 3 * Pixels, Places = Grid * Grid;
        var batch = new SceneBatch(new float[count * Values], new long[count], new long[count * Places], new float[count * Pixels], new float[count]);
        for (var i = 0; i < count; i++)
        {
            var scene = Scene.Draw(seed, first + i, options);
            batch.Classes[i] = scene.Class;
            Cut(scene, batch.Patches.AsSpan(i * Values, Values));
            // Marked pictures teach nothing patch by patch: their object must stay poor evidence, so that the mark is what the model learns.
            batch.Dense[i] = scene.HasWatermark ? 0 : 1;
            Label(scene, batch.PatchClasses.AsSpan(i * Places, Places), batch.Coverage.AsSpan(i * Pixels, Pixels));
        }
        return batch;
    }

    /// <summary>Batches first, first + 1, ... of a seed, drawn ahead on another thread, in order.</summary>
    public static IEnumerable<SceneBatch> DrawAhead(long seed, int batchSize, int batches, CancellationToken cancellation)
    {
        using var ready = new BlockingCollection<SceneBatch>(boundedCapacity: 4);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var drawing = Task.Run(
            () =>
            {
                try
                {
                    for (var b = 0; b < batches; b++) ready.Add(Draw(seed, (long)b * batchSize, batchSize), ended.Token);
                }
                finally
                {
                    ready.CompleteAdding();
                }
            },
            CancellationToken.None);
        try
        {
            foreach (var batch in ready.GetConsumingEnumerable(ended.Token)) yield return batch;
        }
        finally
        {
            ended.Cancel();
            ((IAsyncResult)drawing).AsyncWaitHandle.WaitOne();
        }
    }

    private static void Cut(Scene scene, Span<float> patches)
    {
        var at = 0;
        for (var row = 0; row < Grid; row++)
            for (var column = 0; column < Grid; column++)
                for (var channel = 0; channel < 3; channel++)
                    for (var y = row * Patch; y < (row + 1) * Patch; y++)
                        for (var x = column * Patch; x < (column + 1) * Patch; x++)
                            patches[at++] = scene.Image.Pixels[(y * Scene.Side + x) * 3 + channel] / 127.5f - 1;
    }

    private static void Label(Scene scene, Span<long> classes, Span<float> coverage)
    {
        for (var p = 0; p < classes.Length; p++)
        {
            var shown = 0f;
            for (var y = 0; y < Patch; y++)
                for (var x = 0; x < Patch; x++)
                    shown += coverage[p * Patch * Patch + y * Patch + x] = scene.Coverage[(p / Grid * Patch + y) * Scene.Side + p % Grid * Patch + x];
            shown /= Patch * Patch;
            classes[p] = scene.HasWatermark ? Ignored : shown >= 0.25f ? scene.Class : shown < 0.05f ? SceneClass.Count : Ignored;
        }
    }
}
