using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Models;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>
/// Tests a model whose classifier averages the patches. The paper's method is refused, agcam-pooled explains it.
/// </summary>
public sealed class AveragingModelTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Unsuitable_method_fails_a_request_from_the_bus_and_pauses_a_job()
    {
        using var pictures = new Pictures(9);
        var model = Averaging(pictures);
        var catalog = new ModelCatalog(new Dictionary<string, string> { ["gap"] = model });
        var worker = new WorkerOptions { Device = "cpu" };
        await using var process = await Processes.StartAsync(Processes.Options(pictures), worker, new ModelLoader(catalog, worker));
        var pin = await catalog.PinAsync("gap", Cancel);

        var request = new ExplainImages
        {
            Key = "one",
            Lane = Lane.Interactive,
            Model = pin,
            References = [new ImageReference { Uri = pictures.PathOf(0) }],
        };
        var done = process.Events.WaitAsync(request.Owner, TimeSpan.FromSeconds(60), Cancel);
        await process.Bus.PublishAsync(request, Cancel);
        Assert.True(await done);
        var item = (await process.Store.Items.FindAsync(request.Owner, 0, Cancel))!;
        Assert.Equal((ItemStatus.Failed, ModelFailure.UnsupportedArchitecture), (item.Status, item.Reason));
        Assert.Contains("agcam does not explain", item.Detail);

        var job = await process.SubmitAsync(Some.Spec($"folder:{pictures.Folder}") with { Model = pin });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Paused);
        Assert.StartsWith($"{ModelFailure.UnsupportedArchitecture}: agcam does not explain", job.Reason);
        Assert.Equal(0, job.Progress.Completed + job.Progress.Failed);

        var real = Directory.CreateDirectory(Path.Combine(pictures.Folder, "real")).FullName;
        for (var i = 0; i < 9; i++)
            PngEncoder.Save(
                new RgbImage(8, 8, [.. Enumerable.Range(0, 192).Select(x => (byte)(x * (i + 1)))]),
                Path.Combine(real, $"{i}.png")
            );
        job = await process.SubmitAsync(
            Some.Spec($"folder:{real}") with
            {
                Model = pin,
                Method = "agcam-pooled",
                Targets = ["predicted-vs-0", "top:2"],
            }
        );
        job = await process.WaitAsync(job.Id, job => job.State is JobState.Completed or JobState.Paused);
        Assert.Equal((JobState.Completed, 9, 0), (job.State, job.Progress.Completed, job.Progress.Failed));
        foreach (var (method, target) in ((string, string)[])[("agcam-poolt", "predicted"), ("rollout", "1-vs-2"), ("rollout", "nobody")])
        {
            var stuck = await process.SubmitAsync(
                Some.Spec($"folder:{pictures.Folder}") with
                {
                    Model = pin,
                    Method = method,
                    Targets = [target],
                }
            );
            stuck = await process.WaitAsync(stuck.Id, job => job.State == JobState.Paused);
            Assert.StartsWith(method == "rollout" ? WorkerFailure.NoSuchTarget : WorkerFailure.NoSuchMethod, stuck.Reason);
        }
    }

    /// <summary>Writes the small model of the fixtures, configured to classify the mean of the patches.</summary>
    private static string Averaging(Pictures pictures)
    {
        var folder = Directory.CreateDirectory(Path.Combine(pictures.Folder, "store", "gap")).FullName;
        var source = Repository.Model("timm_vit");
        File.Copy(Path.Combine(source, "model.safetensors"), Path.Combine(folder, "model.safetensors"));
        var config = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!;
        config["global_pool"] = "avg";
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        return folder;
    }
}
