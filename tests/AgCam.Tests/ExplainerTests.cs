using AgCam.Attribution;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Models;
using AgCam.Preprocessing;
using Xunit;

namespace AgCam.Tests;

/// <summary>Tests the explanation of a picture with a small fixture model.</summary>
public sealed class ExplainerTests : IDisposable
{
    private readonly Checkpoint _checkpoint = Checkpoint.Open(Fixture.Path("models", "timm_vit"));
    private readonly Explainer _explainer;
    private readonly RgbImage _picture = ImageDecoder.Decode(
        File.ReadAllBytes(Fixture.Path("preprocess", "rgb_500x375.png")),
        ImageLimits.Default
    );

    public ExplainerTests() => _explainer = new Explainer(_checkpoint, new ExplainerOptions { Device = "cpu" });

    [Fact]
    public void Explanation_holds_prediction_heatmap_and_boxes_in_original_pixels()
    {
        var explanation = _explainer.Explain(_picture);
        Assert.Equal(5, explanation.Predictions.Count);
        Assert.Equal(1, Enumerable.Range(0, 10).Sum(explanation.Probability), 1e-9);
        var target = Assert.Single(explanation.Targets);
        Assert.Equal(explanation.Predictions[0].Class, target.Class);
        Assert.Equal((4, 4), (target.Heatmap.Rows, target.Heatmap.Columns));
        Assert.NotEmpty(target.Boxes);
        Assert.All(target.Boxes, box => Assert.True(box.X >= 0 && box.Y >= 0 && box.Right <= 500 && box.Bottom <= 375));
        Assert.Equal(target.Boxes.OrderByDescending(box => box.Score), target.Boxes);
    }

    [Fact]
    public void Normalising_on_the_device_equals_the_preprocessor()
    {
        var options = _explainer.Preprocessing;
        var pixels = new byte[options.InputWidth * options.InputHeight * 3];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(i / 3 + i % 3 * 85); // every level in every channel
        var wanted = new float[pixels.Length];
        new Preprocessor(options).Normalize(pixels, wanted);
        var image = _explainer.Prepare(new RgbImage(options.InputWidth, options.InputHeight, pixels)) with { Pixels = pixels };
        using var input = _explainer.Input([image, image]);
        var made = input.data<float>().ToArray();
        Assert.Equal(wanted, made[..wanted.Length]);
        Assert.Equal(wanted, made[wanted.Length..]);
    }

    [Fact]
    public void Batch_uploaded_on_another_thread_gives_the_same_explanations()
    {
        var image = _explainer.Prepare(_picture);
        UploadedImages? uploaded = null;
        var uploading = new Thread(() => uploaded = _explainer.Upload([image, image]));
        uploading.Start();
        uploading.Join();
        using (uploaded)
        {
            var ahead = _explainer.Explain(uploaded!, [3, null], ExplainOptions.Default);
            var plain = _explainer.Explain([image, image], [3, null], ExplainOptions.Default);
            Assert.Equal(plain.Select(item => item.Logits), ahead.Select(item => item.Logits));
            Assert.Equal(plain.Select(item => item.Targets[0].Heatmap.Values), ahead.Select(item => item.Targets[0].Heatmap.Values));
            Assert.Equal([3, null], ahead.Select(item => item.Label));
        }
    }

    [Fact]
    public void Out_of_memory_is_distinguished_from_a_lost_device()
    {
        var lack = Assert.ThrowsAny<Exception>(() => TorchSharp.torch.empty(1L << 55, dtype: TorchSharp.torch.uint8));
        Assert.True(ComputeDevice.IsOutOfMemory(lack), $"{lack.GetType().Name}: {lack.Message}");
        Assert.False(ComputeDevice.IsLost(lack));
        var wrong = (Exception)Activator.CreateInstance(lack.GetType(), "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)")!;
        Assert.False(ComputeDevice.IsOutOfMemory(wrong));
        Assert.False(ComputeDevice.IsLost(wrong));
        // Without a GPU: the same exception type with CUDA's messages.
        Exception Cuda(string text) => (Exception)Activator.CreateInstance(lack.GetType(), text)!;
        Assert.True(ComputeDevice.IsOutOfMemory(Cuda("CUDA out of memory. Tried to allocate 2.00 GiB.")));
        Assert.True(ComputeDevice.IsOutOfMemory(Cuda("CUDA error: out of memory")));
        Assert.False(ComputeDevice.IsLost(Cuda("CUDA error: out of memory")));
        Assert.True(ComputeDevice.IsLost(Cuda("CUDA error: an illegal memory access was encountered")));
    }

    [Fact]
    public void Images_of_one_batch_may_have_different_numbers_of_targets()
    {
        var options = new ExplainOptions { Targets = [Target.Predicted, Target.Parse("label", _explainer.Classes)] };
        var image = _explainer.Prepare(_picture);
        var explanations = _explainer.Explain([image, image, image], [3, null, 4], options);
        Assert.Equal([2, 1, 2], explanations.Select(e => e.Targets.Count));
        Assert.Equal(3, explanations[0].Targets[1].Class);
        Assert.Equal(4, explanations[2].Targets[1].Class);
        Assert.Equal(explanations[0].Targets[0].Heatmap.Values, explanations[1].Targets[0].Heatmap.Values);
    }

    [Fact]
    public void Targets_that_ask_for_the_same_class_share_one_map()
    {
        var best = _explainer.Explain(_picture).Predictions;
        var (first, second) = (best[0].Class, best[1].Class);
        string[] targets = ["predicted", "label", "top:2", "predicted", $"{second}", "predicted-vs-label", $"label-vs-{second}"];
        var options = new ExplainOptions { Targets = [.. targets.Select(target => Target.Parse(target, _explainer.Classes))] };
        var image = _explainer.Prepare(_picture);

        var explanations = _explainer.Explain([image, image], [first, second], options);

        Assert.Equal<(int, int?)>([(first, null), (second, null), (first, second)], Maps(explanations[0]));
        Assert.Equal(
            ["predicted,label:1,top:2", "top:2,class:2", "label:1-vs-class:2"],
            explanations[0].Targets.Select(Asked).Select(text => text.Replace($":{first}", ":1").Replace($":{second}", ":2"))
        );
        Assert.Equal<(int, int?)>([(first, null), (second, null), (first, second)], Maps(explanations[1]));
        Assert.Equal(
            ["predicted,top:2", "label:2,top:2,class:2", "predicted-vs-label:2"],
            explanations[1].Targets.Select(Asked).Select(text => text.Replace($":{first}", ":1").Replace($":{second}", ":2"))
        );
        AssertClose(_explainer.Explain(_picture).Targets[0].Heatmap, explanations[0].Targets[0].Heatmap);

        static IEnumerable<(int, int?)> Maps(Explanation explanation) =>
            explanation.Targets.Select(target => (target.Class, target.Against));
        static string Asked(TargetExplanation target) => string.Join(',', target.Requested);
    }

    [Fact]
    public void Target_gives_the_same_map_alone_and_among_others()
    {
        var several = _explainer.Explain(
            _picture,
            new ExplainOptions { Targets = [Target.Parse("top:5", _explainer.Classes)], Signed = true }
        );
        var single = _explainer.Explain(_picture, ExplainOptions.Default);
        Assert.Equal(5, several.Targets.Count);
        AssertClose(single.Targets[0].Heatmap, several.Targets[0].Heatmap);
        Assert.All(several.Targets, target => Assert.NotNull(target.Negative));
        Assert.Null(single.Targets[0].Negative);
    }

    [Fact]
    public void Contrastive_map_with_gamma_zero_is_the_plain_map()
    {
        var versus = Target.Parse("predicted-vs-0", _explainer.Classes);
        var plain = _explainer.Explain(_picture).Targets[0];
        var other = plain.Class == 0 ? Target.Parse("predicted-vs-1", _explainer.Classes) : versus;
        var contrastive = _explainer.Explain(_picture, new ExplainOptions { Targets = [other], Gamma = 0 }).Targets[0];
        AssertClose(plain.Heatmap, contrastive.Heatmap);
        Assert.NotNull(contrastive.AgainstName);
    }

    [Fact]
    public void Largest_box_is_the_first_of_all_boxes()
    {
        var all = _explainer.Explain(_picture).Targets[0].Boxes;
        var largest = _explainer.Explain(_picture, new ExplainOptions { Boxes = BoxSelection.Largest }).Targets[0].Boxes;
        Assert.Equal([all[0]], largest);
    }

    public static TheoryData<string> Methods() => [.. AttributionMethod.All.Select(method => method.Name)];

    [Theory, MemberData(nameof(Methods))]
    public void Every_method_keeps_the_vector_that_the_head_reads(string name)
    {
        var method = AttributionMethod.Find(name)!;
        using var folder = method.Fits(_explainer.Config) ? null : AveragingModel.Write(normedAfterwards: true);
        using var pooled = folder is null ? null : Checkpoint.Open(folder.Path, new CheckpointOptions { Pooled = true });
        using var other = pooled is null ? null : new Explainer(pooled, new ExplainerOptions { Device = "cpu" });
        var explainer = other ?? _explainer;
        var image = explainer.Prepare(_picture);

        var explanations = explainer.Explain([image, image], [null, null], new ExplainOptions { Method = method });

        var head = explainer.Model.ClassHead;
        Assert.Equal(explanations[0].Embedding, explanations[1].Embedding);
        Assert.Equal(explainer.Config.Width, explanations[0].Embedding!.Length);
        using var z = TorchSharp.torch.tensor(explanations[0].Embedding!.Select(value => (float)value).ToArray());
        using var logits = head.Forward(z);
        using var rounding = head.Weight.abs().matmul(z.abs()) * Math.ScaleB(1, -11); // of every product in float16
        for (var i = 0; i < explainer.Config.Classes; i++)
            Assert.Equal(explanations[0].Logits[i], logits[i].item<float>(), 1e-5 + rounding[i].item<float>());
    }

    [Fact]
    public void Embedding_can_be_left_out_and_nothing_else_changes()
    {
        var without = _explainer.Explain(_picture, new ExplainOptions { WithEmbedding = false });
        var with = _explainer.Explain(_picture, ExplainOptions.Default);
        Assert.Null(without.Embedding);
        Assert.NotNull(with.Embedding);
        Assert.Equal(with.Logits, without.Logits);
        Assert.Equal(with.Targets[0].Heatmap.Values, without.Targets[0].Heatmap.Values);
    }

    [Fact]
    public void Recipe_changes_only_with_settings_that_change_results()
    {
        var recipe = _explainer.Recipe(ExplainOptions.Default);
        Assert.Equal(recipe, _explainer.Recipe(new ExplainOptions { Threshold = 0.3, Boxes = BoxSelection.Largest }));
        Assert.NotEqual(recipe, _explainer.Recipe(new ExplainOptions { Signed = true }));
        Assert.NotEqual(recipe, _explainer.Recipe(new ExplainOptions { Gamma = 0.6 }));
        Assert.NotEqual(recipe, _explainer.Recipe(new ExplainOptions { WithEmbedding = false }));
        Assert.Equal(_explainer.Provenance(ExplainOptions.Default).Id(), _explainer.Provenance(ExplainOptions.Default).Id());
    }

    [Fact]
    public void Missing_device_is_an_error_that_lists_the_present_ones()
    {
        var error = Assert.Throws<DeviceException>(() => new Explainer(_checkpoint, new ExplainerOptions { Device = "cuda:7" }));
        Assert.Contains("cuda:7", error.Message);
    }

    public void Dispose()
    {
        _explainer.Dispose();
        _checkpoint.Dispose();
    }

    private static void AssertClose(Heatmap expected, Heatmap actual)
    {
        for (var i = 0; i < expected.Values.Length; i++)
            Assert.Equal(expected.Values[i], actual.Values[i], 1e-5f);
    }
}
