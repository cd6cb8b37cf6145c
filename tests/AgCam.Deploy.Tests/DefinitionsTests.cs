using AgCam.Pipeline;
using AgCam.Pipeline.Bus;

namespace AgCam.Deploy.Tests;

public sealed class DefinitionsTests
{
    /// <summary>Writes the file instead when AGCAM_UPDATE is 1.</summary>
    [Fact]
    public void Definitions_for_RabbitMQ_equal_the_declared_topology()
    {
        var definitions = new BusTopology(new PipelineOptions { Bus = "amqp://broker/" }).Definitions();
        var path = Repository.PathOf("infra", "rabbitmq", "definitions.json");
        if (Environment.GetEnvironmentVariable("AGCAM_UPDATE") is "1")
            File.WriteAllText(path, definitions);
        Assert.True(
            definitions == File.ReadAllText(path),
            $"{path} differs from the topology. Run this test with AGCAM_UPDATE=1, or `agcam topology print --bus amqp://broker/`."
        );
    }

    [Fact]
    public void Documented_permissions_equal_those_of_the_code()
    {
        var text = Repository.Read("docs", "operations.md");
        foreach (var role in new BusTopology(new PipelineOptions { Bus = "amqp://broker/" }).Roles)
            Assert.Contains($"| {role.Name} | {role.For} | `{Cell(role.Configure)}` | `{Cell(role.Write)}` | `{Cell(role.Read)}` |", text);

        static string Cell(string pattern) => pattern.Replace("|", "\\|");
    }
}
