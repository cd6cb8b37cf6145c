using AgCam.Pipeline;
using AgCam.Pipeline.Bus;

namespace AgCam.Deploy.Tests;

public sealed class DefinitionsTests
{
    /// <summary>With AGCAM_UPDATE=1 the file is written instead.</summary>
    [Fact]
    public void The_definitions_for_RabbitMQ_are_those_that_the_code_declares()
    {
        var definitions = new BusTopology(new PipelineOptions { Bus = "amqp://broker/" }).Definitions();
        var path = Repository.PathOf("infra", "rabbitmq", "definitions.json");
        if (Environment.GetEnvironmentVariable("AGCAM_UPDATE") is "1")
            File.WriteAllText(path, definitions);
        Assert.True(
            definitions == File.ReadAllText(path),
            $"{path} has drifted; write it anew: AGCAM_UPDATE=1 and this test, or `agcam topology print --bus amqp://broker/`."
        );
    }

    [Fact]
    public void The_table_of_permissions_in_the_documentation_is_the_code_s()
    {
        var text = Repository.Read("docs", "operations.md");
        foreach (var role in new BusTopology(new PipelineOptions { Bus = "amqp://broker/" }).Roles)
            Assert.Contains($"| {role.Name} | {role.For} | `{Cell(role.Configure)}` | `{Cell(role.Write)}` | `{Cell(role.Read)}` |", text);

        static string Cell(string pattern) => pattern.Replace("|", "\\|");
    }
}
