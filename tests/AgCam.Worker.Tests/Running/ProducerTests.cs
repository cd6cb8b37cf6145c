using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Worker.Engines;
using RabbitMQ.Client;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Tests producers in other languages that follow docs/producers.md.</summary>
[Trait("RabbitMQ", "wire")]
public sealed class ProducerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static bool PikaIsThere => Broker.IsThere && Python("-c", "import pika").ExitCode == 0;

    [Fact(SkipUnless = nameof(PikaIsThere), Skip = "no broker (AGCAM_TEST_RABBITMQ), or no python3-pika (apt install python3-pika)")]
    public async Task Python_program_of_the_documentation_gets_its_images_explained()
    {
        using var pictures = new Pictures(3, broken: 1);
        await using var broker = await Broker.OpenAsync();
        await using var worker = await Processes.StartAsync(broker.Over(Processes.Options(pictures)), new WorkerOptions());
        var program = Path.Combine(pictures.Folder, "explain.py");
        await File.WriteAllTextAsync(program, PythonProgram(), Cancel);
        var (code, said) = await Task.Run(
            () =>
                Python(
                    program,
                    broker.Uri,
                    broker.Prefix,
                    NullEngine.Pin.Id,
                    NullEngine.Pin.Sha256.ToString(),
                    "from python",
                    pictures.PathOf(0),
                    pictures.PathOf(1),
                    pictures.PathOf(2)
                ),
            Cancel
        );
        Assert.True(code == 0, said);
        Assert.Contains("accepted", said);
        Assert.Contains($"{RequestId.Of("from python")} 2 completed 1 failed", said);
        Assert.Equal(
            (2, 1),
            await worker.Store.Items.RecountAsync(RequestId.Of("from python"), Cancel) is var counted
                ? (counted.Completed, counted.Failed)
                : default
        );
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Plain_client_receives_the_events_of_its_request_and_of_a_job()
    {
        using var pictures = new Pictures(130);
        await using var broker = await Broker.OpenAsync();
        await using var process = await Processes.StartAsync(broker.Over(Processes.Options(pictures)), new WorkerOptions());
        var subscriber = (await broker.Channel.QueueDeclareAsync("", exclusive: true, cancellationToken: Cancel)).QueueName;
        await broker.Channel.QueueBindAsync(subscriber, $"{broker.Prefix}-events", "", cancellationToken: Cancel);

        var request = new JsonObject
        {
            ["schema"] = ExplainIntake.Version,
            ["key"] = "plain",
            ["embedding"] = false,
            ["model"] = new JsonObject { ["id"] = NullEngine.Pin.Id, ["sha256"] = NullEngine.Pin.Sha256.ToString() },
            ["references"] = new JsonArray(new JsonObject { ["uri"] = pictures.PathOf(0) }),
        };
        await broker.Channel.BasicPublishAsync(
            $"{broker.Prefix}-intake",
            "",
            mandatory: true,
            new BasicProperties { ContentType = "application/json", Persistent = true },
            Encoding.UTF8.GetBytes(request.ToJsonString()),
            Cancel
        );
        var json = await HearAsync(broker, subscriber, "ChunkExplained");
        Assert.Equal(
            ("plain", RequestId.Of("plain"), 1, 0),
            ((string)json["key"]!, (Guid)json["owner"]!, (int)json["completed"]!, (int)json["failed"]!)
        );
        Assert.Null(json["jobId"]);
        var item = (await process.Store.Items.FindAsync(RequestId.Of("plain"), 0, Cancel))!;
        Assert.Null((await process.Store.Explanations.FindAsync(item.Explanation!.Value, Cancel))!.Embedding);

        var job = await process.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        var images = 0;
        for (var chunk = 0; chunk < 3; chunk++)
        {
            json = await HearAsync(broker, subscriber, "ChunkExplained");
            Assert.Equal(job.Id, (Guid)json["jobId"]!);
            images += (int)json["completed"]!;
        }
        Assert.Equal(130, images);
        json = await HearAsync(broker, subscriber, "JobCompleted");
        Assert.Equal((job.Id, 130), ((Guid)json["jobId"]!, (int)json["progress"]!["completed"]!));
    }

    private static async Task<JsonNode> HearAsync(Broker broker, string queue, string type)
    {
        BasicGetResult? got = null;
        await Eventually.TrueAsync(
            async () => (got = await broker.Channel.BasicGetAsync(queue, autoAck: true, Cancel)) is not null,
            seconds: 120
        );
        var envelope = JsonNode.Parse(got!.Body.Span)!;
        Assert.EndsWith($":{type}", (string)envelope["messageType"]![0]!);
        return envelope["message"]!;
    }

    /// <summary>Returns the program from the page.</summary>
    private static string PythonProgram()
    {
        var page = File.ReadAllText(Repository.PathOf("docs", "producers.md"));
        var from = page.IndexOf("```python\n", StringComparison.Ordinal) + "```python\n".Length;
        return page[from..page.IndexOf("\n```", from, StringComparison.Ordinal)];
    }

    /// <summary>Debian's python3, which has the package python3-pika.</summary>
    private static (int ExitCode, string Said) Python(params string[] arguments)
    {
        try
        {
            var python = File.Exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
            using var process = Process.Start(
                new ProcessStartInfo(python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
            )!;
            var errors = process.StandardError.ReadToEndAsync();
            var said = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
            process.WaitForExit();
            return (process.ExitCode, said);
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return (127, missing.Message);
        }
    }
}
