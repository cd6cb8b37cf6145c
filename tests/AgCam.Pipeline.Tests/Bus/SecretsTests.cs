using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Bus;

public sealed class SecretsTests
{
    [Fact]
    public void Addresses_are_read_from_files()
    {
        var folder = Directory.CreateTempSubdirectory("agcam-secrets-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "bus"), "amqp://user:secret@broker/here\n");
            File.WriteAllText(Path.Combine(folder, "store"), "mongodb://user:secret@server\n");
            var options = new PipelineOptions
            {
                BusFile = Path.Combine(folder, "bus"),
                StoreFile = Path.Combine(folder, "store"),
            }.WithSecrets();
            Assert.Equal(("amqp://user:secret@broker/here", "mongodb://user:secret@server"), (options.Bus, options.Store));
            Assert.Equal("here", new BusTopology(options).VirtualHost);
            Assert.DoesNotContain("secret", options.ToString());
            Assert.DoesNotContain("secret", new BusTopology(options).Broker);

            File.WriteAllText(Path.Combine(folder, "bus"), " \n");
            Assert.Contains(
                "is empty",
                Assert.Throws<OptionsException>(() => new PipelineOptions { BusFile = Path.Combine(folder, "bus") }.WithSecrets()).Message
            );
            Assert.Contains(
                "/nowhere",
                Assert.Throws<OptionsException>(() => new PipelineOptions { StoreFile = "/nowhere" }.WithSecrets()).Message
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("amqp:/user:hunter2@broker")]
    [InlineData("http://user:hunter2@broker")]
    [InlineData("user:hunter2@broker")]
    public void Error_about_an_invalid_address_hides_its_password(string bus) =>
        Assert.DoesNotContain(
            "hunter2",
            Assert.Throws<OptionsException>(() => new BusTopology(new PipelineOptions { Bus = bus })).ToString()
        );

    [Fact]
    public async Task Process_without_permission_to_migrate_refuses_an_older_store_and_names_the_command()
    {
        using var pictures = new Pictures(0);
        var options = Processes.Options(pictures) with { MigrateStore = false };
        var refused = await Assert.ThrowsAsync<StoreSchemaException>(() => Processes.StartAsync(options));
        Assert.Contains("agcam store migrate", refused.Message);
        await using (var store = PipelineRegistration.OpenStore(options))
            await store.MigrateAsync(TestContext.Current.CancellationToken);
        await using var process = await Processes.StartAsync(options);
        Assert.Equal(StoreSchema.Version, await process.Store.SchemaVersionAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Stop_times_that_contradict_each_other_are_refused()
    {
        OptionsException.ThrowIfInvalid(new PipelineOptions(), "Pipeline");
        var refused = Assert.Throws<OptionsException>(() =>
            OptionsException.ThrowIfInvalid(new PipelineOptions { ConsumerStopSeconds = 40 }, "Pipeline")
        );
        Assert.Contains("ConsumerStopSeconds (40) <= StopSeconds (30)", refused.Message);
    }
}
