using System.Text.Json.Nodes;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Api.Tests.Resources;

/// <summary>Audits as jobs. Pictures 0 and 1 of the folder are copies, picture 2 is long and narrow.</summary>
public sealed class AuditsTests(SharedApi shared) : IClassFixture<SharedApi>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private RunningApi Api => shared.Api;

    private string Folder(string name)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Api.Folder, name)).FullName;
        File.WriteAllBytes(Path.Combine(folder, "0.png"), RunningApi.Picture(7000));
        File.WriteAllBytes(Path.Combine(folder, "1.png"), RunningApi.Picture(7000));
        File.WriteAllBytes(Path.Combine(folder, "2.png"), RunningApi.Picture(7002, height: 50));
        return $"folder:{folder}";
    }

    private async Task<JsonNode> CompletedAsync(JsonObject body)
    {
        var id = (string?)(await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/jobs", body), 201))["id"];
        var job = await Api.GetAsync($"/v1/jobs/{id}?wait=30");
        Assert.True((string?)job["state"] == "Completed", job.ToJsonString());
        return job;
    }

    private static JsonObject Audit(string source, string settings = "{}") =>
        new() { ["source"] = source, ["audit"] = JsonNode.Parse(settings) };

    private async Task<JsonNode> FindingAsync(JsonNode job, string name) =>
        (await Api.GetAsync($"/v1/jobs/{job["id"]}/audit"))["findings"]!.AsArray().Single(finding => (string?)finding!["name"] == name)!;

    [Fact]
    public async Task A_job_with_an_audit_explains_its_images_and_completes_with_the_report()
    {
        var job = await CompletedAsync(Audit(Folder("whole"), """{ "failOn": "aspect:0,exact-duplicate:2" }"""));

        Assert.Equal(("audit", 3, 3), ((string?)job["kind"], (int)job["images"]!, (int)job["progress"]!["completed"]!));
        var duplicates = await FindingAsync(job, "exact-duplicate");
        Assert.Equal([0, 1], duplicates["groups"]![0]!["numbers"]!.AsArray().Select(number => (int)number!));
        Assert.Equal(1, (int)(await FindingAsync(job, "aspect"))["count"]!);
        var gates = (await Api.GetAsync($"/v1/jobs/{job["id"]}/audit"))["gates"]!.AsArray();
        Assert.Equal([true, false], gates.Select(gate => (bool)gate!["violated"]!));
    }

    [Fact]
    public async Task A_completed_job_is_audited_without_explaining_again()
    {
        var source = Folder("twice");
        var explained = await CompletedAsync(new JsonObject { ["source"] = source });
        var job = await CompletedAsync(Audit($"job:{explained["id"]}", """{ "findings": ["exact-duplicate", "aspect"] }"""));

        Assert.Equal((0, 0), ((int)job["images"]!, (int)job["progress"]!["completed"]!));
        Assert.Equal(1, (int)(await FindingAsync(job, "aspect"))["count"]!);
        Assert.Equal(
            ["exact-duplicate", "aspect"],
            (await Api.GetAsync($"/v1/jobs/{job["id"]}/audit"))["findings"]!.AsArray().Select(finding => (string?)finding!["name"])
        );
    }

    [Fact]
    public async Task A_retry_audits_all_images_again()
    {
        var source = Folder("retried");
        await File.WriteAllTextAsync(Path.Combine(Api.Folder, "retried", "3.png"), "no image", Cancel);
        var job = await CompletedAsync(Audit(source, """{ "findings": ["aspect"] }"""));
        Assert.Equal(1, (int)job["progress"]!["failed"]!);
        File.WriteAllBytes(Path.Combine(Api.Folder, "retried", "3.png"), RunningApi.Picture(7003, height: 50));

        var answer = await Api.SendJsonAsync($"/v1/jobs/{job["id"]}/retry", new JsonObject());
        var child = await Api.GetAsync($"/v1/jobs/{(await RunningApi.JsonAsync(answer, 201))["id"]}?wait=30");
        Assert.Equal(("Completed", "audit", 4), ((string?)child["state"], (string?)child["kind"], (int)child["progress"]!["completed"]!));
        Assert.Equal(2, (int)(await FindingAsync(child, "aspect"))["count"]!);
    }

    [Fact]
    public async Task Findings_are_listed_by_name_image_and_class_page_by_page()
    {
        var job = await CompletedAsync(Audit(Folder("listed")));
        var at = $"/v1/jobs/{job["id"]}/findings";

        var narrow = (await Api.GetAsync($"{at}?finding=aspect&issues=true"))["items"]!.AsArray();
        Assert.EndsWith("2.png", (string?)Assert.Single(narrow)!["details"]!["path"]);
        Assert.Equal(2, (int)narrow[0]!["image"]!);
        var copies = (await Api.GetAsync($"{at}?finding=exact-duplicate"))["items"]!.AsArray();
        Assert.Equal([0, 1], copies.Select(copy => (int)copy!["image"]!));
        Assert.All(copies, copy => Assert.Equal((0, 2), ((int)copy!["details"]!["group"]!, (int)copy["details"]!["size"]!)));
        Assert.All((await Api.GetAsync($"{at}?image=2"))["items"]!.AsArray(), item => Assert.Equal(2, (int)item!["image"]!));
        var all = (await Api.GetAsync(at))["items"]!.AsArray();
        var walked = new List<string>();
        for (var next = $"{at}?limit=2"; next is not null; )
        {
            var page = await Api.GetAsync(next);
            walked.AddRange(page["items"]!.AsArray().Select(item => item!.ToJsonString()));
            next = (string?)page["next"] is { } cursor ? $"{at}?limit=2&cursor={cursor}" : null;
        }
        Assert.Equal(all.Select(item => item!.ToJsonString()), walked);
        var predicted = (string?)(await Api.GetAsync($"/v1/jobs/{job["id"]}/items"))["items"]![2]!["predicted"];
        Assert.Contains(
            (await Api.GetAsync($"{at}?class={predicted}&finding=aspect"))["items"]!.AsArray(),
            item => (int)item!["image"]! == 2
        );
    }

    [Fact]
    public async Task What_cannot_be_audited_is_refused_with_what_would_fit()
    {
        var source = Folder("refused");
        async Task<string> RefusedAsync(JsonObject body) =>
            (string)(await RunningApi.RefusedAsync(await Api.SendJsonAsync("/v1/jobs", body), 400, "invalid-request"))["detail"]!;

        Assert.Contains("exact-duplicate", await RefusedAsync(Audit(source, """{ "findings": ["duplicate"] }""")));
        Assert.Contains("label:2%", await RefusedAsync(Audit(source, """{ "failOn": "label<2" }""")));
        Assert.Contains("from 1 to", await RefusedAsync(Audit(source, """{ "top": 0 }""")));
        Assert.Contains("there is no", await RefusedAsync(Audit($"job:{Guid.NewGuid()}")));
        Assert.Contains("whole id", await RefusedAsync(Audit("job:0198")));
        var plain = await CompletedAsync(new JsonObject { ["source"] = source });
        Assert.Contains("\"audit\"", await RefusedAsync(new JsonObject { ["source"] = $"job:{plain["id"]}" }));
        Assert.Contains("left out", await RefusedAsync(With(Audit($"job:{plain["id"]}"), "model", "other")));

        foreach (var route in new[] { "audit", "findings" })
        {
            var missing = await RunningApi.RefusedAsync(
                await Api.Client.GetAsync($"/v1/jobs/{plain["id"]}/{route}", Cancel),
                404,
                "not-found"
            );
            Assert.Contains($"job:{plain["id"]}", (string?)missing["next"]);
        }
        var waiting = (
            await Api.Store.Jobs.CreateAsync(
                new JobSpec
                {
                    Source = source,
                    Model = new ModelPin { Id = "corner", Sha256 = Digest.Of("no such file"u8) },
                    Audit = new AuditSpec(),
                },
                cancellationToken: Cancel
            )
        ).Job.Id;
        await Api.Store.Jobs.PauseAsync(waiting, "the test", Cancel);
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/jobs/{waiting}/audit", Cancel), 409, "not-completed");
        var job = await CompletedAsync(Audit(source));
        var unknown = await Api.Client.GetAsync($"/v1/jobs/{job["id"]}/findings?finding=aspekt", Cancel);
        Assert.Contains("aspect", (string?)(await RunningApi.RefusedAsync(unknown, 400, "invalid-request"))["next"]);
        var noClass = await Api.Client.GetAsync($"/v1/jobs/{job["id"]}/findings?class=zebrra", Cancel);
        Assert.Contains("/v1/models/corner", (string?)(await RunningApi.RefusedAsync(noClass, 400, "invalid-request"))["next"]);

        static JsonObject With(JsonObject body, string field, string value)
        {
            body[field] = value;
            return body;
        }
    }
}
