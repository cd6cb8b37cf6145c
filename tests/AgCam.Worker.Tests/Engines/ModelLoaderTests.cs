using AgCam.Models;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Engines;

/// <summary>Tests that a worker loads only listed models, and only with the weights that the request is pinned to.</summary>
public sealed class ModelLoaderTests
{
    private static readonly WorkerOptions Options = new() { Device = "cpu" };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Unlisted_model_is_refused_and_the_listed_ones_are_named()
    {
        var loader = new ModelLoader(Catalog(Repository.Model("timm_vit")), Options);
        var unlisted = new ModelPin { Id = Repository.Model("timm_registers"), Sha256 = Some.Digest("unlisted") }; // a path is no name
        var refused = await Assert.ThrowsAsync<ModelException>(() => loader.BytesAsync(unlisted, "float32", Cancel));
        Assert.Equal(ModelFailure.NotFound, refused.Reason);
        Assert.Contains($"This worker has no model {unlisted.Id}.", refused.Message);
        refused = await Assert.ThrowsAsync<ModelException>(() => loader.LoadAsync(unlisted, "float32", Cancel));
        Assert.Equal(ModelFailure.NotFound, refused.Reason);
        Assert.Contains("Configured models: tiny.", refused.Message);
    }

    [Fact]
    public async Task Other_weights_of_the_same_name_do_not_compute_pinned_jobs_and_requests()
    {
        using var pictures = new Pictures(3);
        var catalog = Catalog(Repository.Model("timm_vit"));
        var (here, other) = (await catalog.PinAsync("tiny", Cancel), new ModelPin { Id = "tiny", Sha256 = Some.Digest("other weights") });
        await using var process = await Processes.StartAsync(Processes.Options(pictures), Options, new ModelLoader(catalog, Options));

        var job = await process.SubmitAsync(Some.Spec($"folder:{pictures.Folder}") with { Model = other });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Paused);
        Assert.StartsWith($"{WorkerFailure.AnotherModel}: ", job.Reason);
        Assert.Contains(other.Sha256.ToString(), job.Reason);
        Assert.Contains(here.Sha256.ToString(), job.Reason);
        Assert.Equal(0, job.Progress.Completed + job.Progress.Failed);

        var request = new ExplainImages
        {
            Key = "pinned",
            Lane = Lane.Interactive,
            Model = other,
            References = [new ImageReference { Uri = pictures.PathOf(0) }],
        };
        var done = process.Events.WaitAsync(request.Owner, TimeSpan.FromSeconds(60), Cancel);
        await process.Bus.PublishAsync(request, Cancel);
        Assert.True(await done);
        var item = (await process.Store.Items.FindAsync(request.Owner, 0, Cancel))!;
        Assert.Equal((ItemStatus.Failed, WorkerFailure.AnotherModel), (item.Status, item.Reason));
    }

    [Fact]
    public async Task Weights_that_changed_after_hashing_are_refused()
    {
        var folder = Directory.CreateTempSubdirectory("agcam-model-").FullName;
        try
        {
            foreach (var name in new[] { "config.json", "model.safetensors" })
                File.Copy(Path.Combine(Repository.Model("timm_vit"), name), Path.Combine(folder, name));
            var catalog = Catalog(folder);
            var pin = await catalog.PinAsync("tiny", Cancel);
            using (var weights = new FileStream(Path.Combine(folder, "model.safetensors"), FileMode.Open))
            {
                weights.Seek(-1, SeekOrigin.End); // the sign of the last number
                var last = weights.ReadByte();
                weights.Seek(-1, SeekOrigin.End);
                weights.WriteByte((byte)(last ^ 0x80));
            }
            var refused = await Assert.ThrowsAsync<ModelException>(() =>
                new ModelLoader(catalog, Options).LoadAsync(pin, "float32", Cancel)
            );
            Assert.Equal(WorkerFailure.AnotherModel, refused.Reason);
            Assert.Contains("has changed since this worker started", refused.Message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ModelCatalog Catalog(string path) => new(new Dictionary<string, string> { ["tiny"] = path });
}
