using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgCam.Attribution;
using RabbitMQ.Client;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>Tests that every attribution method gives the same maps at every entry point as `agcam explain`.</summary>
public class MethodsEverywhereTests(MethodsEverywhereTests.Walk walk) : IClassFixture<MethodsEverywhereTests.Walk>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static bool ServicesAreThere => BrokeredTests.ServicesAreThere;

    [Fact]
    public async Task Every_method_gives_the_maps_of_explain_as_a_job_as_a_request_and_as_json()
    {
        using var serving = ServingProcess.Start(walk.State["agcam.db"], walk.Pictures.Path, "--model", $"gap={walk.Gap.Path}");
        await walk.RunAsync(serving.Url, messages: null);
    }

    [Fact(SkipUnless = nameof(ServicesAreThere), Skip = "AGCAM_TEST_RABBITMQ and AGCAM_TEST_MONGODB name no services")]
    [Trait("RabbitMQ", "wire")]
    public async Task Every_method_gives_the_maps_of_explain_through_a_worker_behind_a_broker_and_as_a_plain_message()
    {
        var (test, url) = ($"test-{Guid.NewGuid():N}", $"http://127.0.0.1:{ServingProcess.FreePort()}");
        string[] common = ["--model", $"tiny={SomeImages.Model}", "--model", $"gap={walk.Gap.Path}", "--root", walk.Pictures.Path];
        using var api = BrokeredTests.Start(test, ["api", .. common, "--listen", url]);
        using var worker = BrokeredTests.Start(test, ["worker", .. common, "--device", "cpu"]);
        await BrokeredTests.AnswersAsync(new Uri(url + "/health/live"), api);
        await using var connection = await new ConnectionFactory
        {
            Uri = new Uri(Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ")!),
        }.CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
        await walk.RunAsync(
            new Uri(url),
            async message =>
                await channel.BasicPublishAsync(
                    $"{test}-intake",
                    "",
                    mandatory: true,
                    new BasicProperties { ContentType = "application/json", Persistent = true },
                    Encoding.UTF8.GetBytes(message.ToJsonString()),
                    Cancel
                )
        );
        foreach (var process in (System.Diagnostics.Process[])[worker, api])
            process.Kill(entireProcessTree: true);
    }

    [Fact]
    public async Task Contrastive_targets_give_the_maps_of_explain_as_a_job()
    {
        using var pictures = new TemporaryFolder();
        for (var i = 0; i < 4; i++)
            SomeImages.Write(pictures, $"{(i < 2 ? "bell" : "jade")}/{i}.png", i);
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(state["agcam.db"], pictures.Path);
        foreach (var method in (string[])["agcam", "generic"])
            await CompareAsync(method);

        async Task CompareAsync(string method)
        {
            string[] what =
            [
                "--method",
                method,
                .. ((string[])["3-vs-4", "anchor-vs-class:bell", "predicted-vs-label"]).SelectMany(target =>
                    (string[])["--target", target]
                ),
            ];
            var explained = Agcam
                .Run(["explain", pictures.Path, "--model", SomeImages.Model, "--labels", "parent", "--json", "--raw", "-q", .. what])
                .Rows.ToDictionary(Name, Explanations);
            var job = serving.Run(["submit", $"classes:{pictures.Path}", "--wait", "--json", .. what]);
            Assert.True(job.Code == 0, job.Errors);

            using var api = new HttpClient { BaseAddress = serving.Url };
            var items = await ItemsAsync(api, job.Rows.Single().GetProperty("id").GetString()!);
            Assert.Equal(4, items.Count);
            Assert.Contains(explained, image => image.Value.Count > 0);
            foreach (var item in items)
            {
                var targets = await TargetsAsync(api, (string)item["explanation"]!);
                var expected = explained[Path.GetFileName((string)item["uri"]!)];
                Assert.Equal(expected.Count, targets.Count); // no map for a label that equals the prediction
                foreach (var (map, row) in targets.Zip(expected))
                {
                    Assert.Equal(
                        row.GetProperty("requested").EnumerateArray().Select(name => name.GetString()),
                        map!["targets"]!.AsArray().Select(name => (string?)name)
                    );
                    Assert.Equal(row.GetProperty("target").GetInt32(), (int)map["class"]!);
                    Assert.Equal(row.GetProperty("against").GetInt32(), (int)map["against"]!);
                    Assert.Equal(row.GetProperty("againstName").GetString(), (string?)map["againstName"]);
                    Same(row, map, $"{method}, {map["targets"]}");
                }
            }
        }
    }

    /// <summary>Values that are refused before anything is read or submitted, with valid values.</summary>
    [Fact]
    public void Values_that_do_not_fit_are_refused_at_the_command_line()
    {
        using var pictures = SomeImages.Folder(1);
        using var state = new TemporaryFolder();
        using var serving = ServingProcess.Start(state["agcam.db"], pictures.Path);
        foreach (
            var (options, says) in (IEnumerable<(string[], string)>)
                [
                    (["--method", "gradcam"], "agcam-pooled"),
                    (["--method", "agcam-pooled"], "Methods that do: agcam, agcam-signed"),
                    (["--target", "class:ladybgu"], "nearest"),
                    (["--method", "rollout", "--target", "1-vs-2"], "generic"),
                    (["--dtype", "float8"], "bfloat16"),
                ]
        )
        {
            var local = Agcam.Run(["explain", pictures.Path, "--model", SomeImages.Model, .. options, "--json"]);
            var job = serving.Run(["submit", pictures.Path, .. options]);
            var image = serving.Run(["submit", pictures["000.png"], "--wait", .. options]);
            foreach (var refused in (Outcome[])[local, job, image])
            {
                Assert.True((2, "") == (refused.Code, refused.Output), $"{string.Join(' ', options)}: {refused.Code} {refused.Errors}");
                Assert.Contains(says, refused.Errors, StringComparison.Ordinal);
            }
        }
        Assert.Empty(serving.Run("jobs", "list", "--json").Rows);
    }

    /// <summary>Pictures, models and their results from explain.</summary>
    public sealed class Walk : IDisposable
    {
        private const int Images = 6; // 0 to 2 in a job, 3 uploaded, 4 referred to in JSON, 5 in a message

        internal TemporaryFolder State { get; } = new();

        internal TemporaryFolder Pictures { get; } = new();

        internal TemporaryFolder Gap { get; } = AveragingModel.Write(normedAfterwards: true);

        /// <summary>Rows of `agcam explain` by method and picture. Several tests compare with them.</summary>
        private readonly ConcurrentDictionary<string, Lazy<Dictionary<string, List<JsonElement>>>> _explained = new();

        public Walk()
        {
            for (var i = 0; i < Images; i++)
                SomeImages.Write(Pictures, i < 3 ? $"job/{i}.png" : $"{i}.png", i);
        }

        /// <param name="messages">Publishes to the intake queue; null without a broker.</param>
        internal async Task RunAsync(Uri url, Func<JsonObject, Task>? messages)
        {
            using var api = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromMinutes(3) };
            var pins = (await api.GetFromJsonAsync<JsonArray>("v1/models", Cancel))!.ToDictionary(
                model => (string)model!["id"]!,
                model => (string)model!["sha256"]!
            );
            // All methods at once, so that the worker mixes images of several methods.
            var options = new ParallelOptions { MaxDegreeOfParallelism = 3, CancellationToken = Cancel };
            await Parallel.ForEachAsync(AttributionMethod.All, options, (method, _) => new ValueTask(RunAsync(method)));

            async Task RunAsync(AttributionMethod method)
            {
                var (model, path) = method.Name == AttributionMethod.Pooled ? ("gap", Gap.Path) : ("tiny", SomeImages.Model);
                string[] what = ["--method", method.Name, "--target", "predicted", "--target", "class:3"];
                var explained = _explained.GetOrAdd(method.Name, _ => new(() => Explain(method, path, what))).Value;

                string[] server = ["--model", model, "--wait", "--json", .. what];
                var sent = Agcam.Run(["submit", Pictures["job"], Pictures["3.png"], .. server], "", ("AGCAM_URL", url.ToString()));
                Assert.True(sent.Code == 0, $"{method.Name}: {sent.Errors}");
                var found = (
                    await ItemsAsync(api, sent.Rows.Single(row => row.TryGetProperty("source", out _)).GetProperty("id").GetString()!)
                ).ToDictionary(item => Path.GetFileName((string)item["uri"]!), item => (string)item["explanation"]!);
                Assert.Equal(3, found.Count);
                var request = sent.Rows.Single(row => row.TryGetProperty("item", out _)).GetProperty("item");
                found["3.png"] = request.GetProperty("explanation").GetString()!;

                var body = new JsonObject
                {
                    ["uri"] = Pictures["4.png"],
                    ["model"] = model,
                    ["method"] = method.Name,
                    ["targets"] = new JsonArray("predicted", "class:3"),
                };
                found["4.png"] = await AskAsync(body);
                if (messages is not null)
                    found["5.png"] = await PublishAsync(method, model);

                foreach (var (picture, id) in found)
                {
                    var targets = await TargetsAsync(api, id);
                    Assert.Equal(2, targets.Count);
                    foreach (var (map, row) in targets.Zip(explained[picture]))
                        Same(row, map!, $"{method.Name}, {picture}");
                }
                // The same picture has the same explanation id at every entry point.
                body["uri"] = Pictures["job/0.png"];
                Assert.Equal(found["0.png"], await AskAsync(body));
            }

            Dictionary<string, List<JsonElement>> Explain(AttributionMethod method, string path, string[] what)
            {
                var local = Agcam.Run(["explain", Pictures.Path, "--model", path, "--json", "--raw", "-q", .. what]);
                Assert.True(local.Code == 0, $"{method.Name}: {local.Errors}");
                var explained = local.Rows.ToDictionary(Name, Explanations);
                Assert.All(explained.Values.SelectMany(e => e), e => Assert.Equal($"{method}", e.GetProperty("method").GetString()));
                return explained;
            }

            async Task<string> AskAsync(JsonObject body)
            {
                using var answer = await api.PostAsJsonAsync("v1/explanations?wait=60", body, Cancel);
                var result = (await answer.Content.ReadFromJsonAsync<JsonNode>(Cancel))!;
                Assert.True((string?)result["state"] == "Completed", result.ToJsonString());
                return (string)result["item"]!["explanation"]!;
            }

            async Task<string> PublishAsync(AttributionMethod method, string model)
            {
                var key = Guid.NewGuid().ToString();
                await messages(
                    new JsonObject
                    {
                        ["key"] = key,
                        ["lane"] = "Interactive",
                        ["model"] = new JsonObject { ["id"] = model, ["sha256"] = pins[model] },
                        ["method"] = method.Name,
                        ["targets"] = new JsonArray("predicted", "class:3"),
                        ["references"] = new JsonArray(new JsonObject { ["kind"] = "File", ["uri"] = Pictures["5.png"] }),
                    }
                );
                var id = AgCam.Pipeline.Messages.RequestId.Of(key);
                for (var until = DateTime.UtcNow.AddMinutes(2); ; await Task.Delay(200, Cancel))
                {
                    Assert.True(DateTime.UtcNow < until, $"No answer to a message for {method.Name}.");
                    using var answer = await api.GetAsync($"v1/requests/{id}", Cancel);
                    if (answer.IsSuccessStatusCode && await answer.Content.ReadFromJsonAsync<JsonNode>(Cancel) is { } result)
                        if (result["item"]?["explanation"] is { } explanation)
                            return (string)explanation!;
                }
            }
        }

        public void Dispose()
        {
            State.Dispose();
            Pictures.Dispose();
            Gap.Dispose();
        }
    }

    private static string Name(JsonElement row) => Path.GetFileName(row.GetProperty("image").GetProperty("path").GetString()!);

    private static List<JsonElement> Explanations(JsonElement row) => [.. row.GetProperty("explanations").EnumerateArray()];

    private static async Task<List<JsonNode>> ItemsAsync(HttpClient api, string job) =>
        [.. (await api.GetFromJsonAsync<JsonNode>($"v1/jobs/{job}/items", Cancel))!["items"]!.AsArray().Select(item => item!)];

    private static async Task<JsonArray> TargetsAsync(HttpClient api, string explanation) =>
        (await api.GetFromJsonAsync<JsonNode>($"v1/explanations/{explanation}", Cancel))!["targets"]!.AsArray();

    /// <summary>Compares stored float16 maps with explain's float32 values, to half a unit in the last place of float16.</summary>
    private static void Same(JsonElement row, JsonNode stored, string what)
    {
        var expected = row.GetProperty("heatmap").EnumerateArray().Select(value => value.GetSingle()).ToArray();
        var bytes = Convert.FromBase64String((string)stored["map"]!);
        var actual = Enumerable.Range(0, bytes.Length / 2).Select(i => (float)BitConverter.ToHalf(bytes, 2 * i)).ToArray();
        Assert.Equal(expected.Length, actual.Length);
        var largest = expected.Max(Math.Abs);
        for (var i = 0; i < expected.Length; i++)
        {
            var allowed = (Math.Abs(expected[i]) / 2048) + (1e-6 * largest) + 6e-8;
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= allowed,
                string.Create(CultureInfo.InvariantCulture, $"{what}: {actual[i]} at {i} is not {expected[i]}")
            );
        }
    }
}
