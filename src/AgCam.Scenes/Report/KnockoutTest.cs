using AgCam.Models;
using static TorchSharp.torch;

namespace AgCam.Scenes.Report;

/// <summary>
/// Measures how the watermark reaches the prediction: which tokens must see its patches for the prediction to flip. For each block it
/// measures whether the class token attends to the mark, and whether AG-CAM's heat lies on it.
/// </summary>
internal static class KnockoutTest
{
    private const int Pictures = 100;

    public static KnockoutFigures Measure(Checkpoint checkpoint, Explainer explainer, IReadOnlyList<Scene> marked)
    {
        using var still = no_grad();
        using var scope = NewDisposeScope();
        using var model = new MaskedForward(checkpoint);
        var scenes = marked.Take(Pictures).ToArray();
        var input = explainer.Input([.. scenes.Select(scene => explainer.Prepare(scene.Image))]);
        var mark = OnMark(scenes, explainer.Config); // [B, N]
        var @class = zeros_like(mark);
        @class.narrow(1, 0, 1).fill_(1);
        var others = ones_like(mark) - @class - mark;

        double Flipped(Tensor logits) => logits.argmax(1).eq(SceneClass.Watermarked).to(float32).mean().item<float>();
        Tensor Hide(Tensor from) => from.unsqueeze(2) * mark.unsqueeze(1); // [B, N, N]
        var (logits, attention) = model.Run(input, null);
        var (blocks, sigmoid, softmax) = Blocks(explainer, input, mark, attention);
        return new KnockoutFigures(
            scenes.Length,
            Flipped(logits),
            Flipped(model.Run(input, Hide(@class)).Logits),
            Flipped(model.Run(input, Hide(others)).Logits),
            mark.sum(1).mean().item<float>() / (explainer.Config.Tokens - 1),
            blocks,
            sigmoid,
            softmax
        );
    }

    // AG-CAM of the watermarked class for each block, as in AttentionGuidedCam before the sum over blocks.
    private static (List<BlockFigures> Blocks, (double, double) Sigmoid, (double, double) Softmax) Blocks(
        Explainer explainer,
        Tensor input,
        Tensor mark,
        List<Tensor> attention
    )
    {
        var model = explainer.Model;
        var patches = model.Config.Tokens - 1;
        var onMark = mark.narrow(1, 1, patches);
        using var pass = model.Forward(input);
        var target = full([input.shape[0], 1], SceneClass.Watermarked, dtype: ScalarType.Int64);
        var g = model.Seed(pass.Final, target, null, null); // [B, 1, 1, C]
        var maps = new Tensor[model.Blocks.Count]; // [B, patches]
        var gates = new double[maps.Length];
        var weighted = zeros_like(onMark); // [B, patches]: the sum with softmax instead of sigmoid
        for (var k = maps.Length - 1; k >= 0; k--)
        {
            g = model.Blocks[k].ThroughMlp(g, pass.Blocks[k]);
            // [B, H, 1, patches]
            var alpha = model.Blocks[k].HeadGradients(g).matmul(pass.Blocks[k].Values.narrow(2, 1, patches).transpose(-2, -1));
            var gate = pass.Blocks[k].Scores.narrow(3, 1, patches).sigmoid(); // [B, H, 1, patches]
            maps[k] = (gate * alpha.relu()).sum([1, 2]);
            gates[k] = gate.mean().item<float>();
            weighted = weighted + (pass.Blocks[k].Scores.softmax(-1).narrow(3, 1, patches) * alpha.relu()).sum([1, 2]);
        }
        var sum = stack(maps).sum([0]); // [B, patches]
        var all = sum.sum().item<float>();
        double Energy(Tensor map) => ((map * onMark).sum(1) / map.sum(1).clamp_min(1e-12)).mean().item<float>();
        double Pointing(Tensor map) => onMark.gather(1, map.argmax(1, keepdim: true)).mean().item<float>();
        var blocks = maps.Select(
                (map, k) =>
                    new BlockFigures(
                        k,
                        (attention[k] * mark).sum(1).mean().item<float>(),
                        Energy(map),
                        Pointing(map),
                        map.sum().item<float>() / all,
                        gates[k]
                    )
            )
            .ToList();
        return (blocks, (Energy(sum), Pointing(sum)), (Energy(weighted), Pointing(weighted)));
    }

    // Returns 1 for tokens of patches that show a part of the watermark, otherwise 0: [B, N].
    private static Tensor OnMark(Scene[] scenes, ViTConfig config)
    {
        var values = new float[scenes.Length * config.Tokens];
        for (var i = 0; i < scenes.Length; i++)
        {
            var box = scenes[i].WatermarkBox ?? throw new ArgumentException("A scene has no watermark.", nameof(scenes));
            for (var p = 0; p < config.Tokens - 1; p++)
            {
                int x = p % config.GridColumns * config.PatchSize,
                    y = p / config.GridColumns * config.PatchSize;
                if (x < box.Right && x + config.PatchSize > box.X && y < box.Bottom && y + config.PatchSize > box.Y)
                    values[i * config.Tokens + 1 + p] = 1;
            }
        }
        return tensor(values, [scenes.Length, config.Tokens]);
    }
}
