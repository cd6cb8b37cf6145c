using System.Text.Json.Nodes;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Tests.Resources;

public sealed class ItemsTests(SharedApi shared) : IClassFixture<SharedApi>
{
    private RunningApi Api => shared.Api;

    [Fact]
    public async Task Every_indexed_query_is_answered_in_both_directions()
    {
        var done = await Api.ExplainAsync(RunningApi.Picture(1), ("label", "red"));
        var values = new Dictionary<ItemFilters, string>
        {
            [ItemFilters.Job] = $"job={(string?)done["id"]}",
            [ItemFilters.Status] = "status=completed",
            [ItemFilters.Model] = "model=corner",
            [ItemFilters.Predicted] = "predicted=blue",
            [ItemFilters.Label] = "label=red",
            [ItemFilters.LabelClass] = "labelClass=red",
            [ItemFilters.Correct] = "correct=false",
            [ItemFilters.Explanation] = $"explanation={(string?)done["item"]!["explanation"]}",
        };
        foreach (var index in ItemIndex.All)
        {
            var filters = string.Join('&', values.Where(one => index.Filters.HasFlag(one.Key)).Select(one => one.Value));
            foreach (var sort in new[] { "", $"&sort={index.Sort}", $"&sort=-{index.Sort}" })
            {
                var page = await Api.GetAsync($"/v1/items?{filters}{sort}");
                Assert.Contains(page["items"]!.AsArray(), item => (string?)item!["job"] == (string?)done["id"]);
            }
        }
    }

    [Fact]
    public async Task Label_stands_with_its_class_its_logit_and_its_probability()
    {
        var item = (await Api.ExplainAsync(RunningApi.Picture(1), ("label", "red")))["item"]!;
        var explanation = await Api.GetAsync($"/v1/explanations/{(string?)item["explanation"]}");

        var logit = (float)explanation["logits"]!["values"]![IndexOf(explanation["logits"]!["classes"]!.AsArray(), 0)]!;
        Assert.Equal(("red", "red", false), ((string?)item["label"], (string?)item["labelClass"], (bool?)item["correct"]));
        Assert.Equal(logit, (float)item["labelLogit"]!);
        Assert.Equal(Math.Exp(logit - (double)explanation["logSumExp"]!), (double)item["labelProbability"]!, 1e-6);
    }

    [Fact]
    public async Task Label_that_is_no_class_is_kept_without_a_class()
    {
        Api.AddPicture(1, "labelled/a.png");
        var manifest = Path.Combine(Api.Folder, "labelled", "m.csv");
        File.WriteAllText(manifest, "path,label\na.png,purple\n");
        var answer = await Api.SendJsonAsync("/v1/jobs", new JsonObject { ["source"] = $"manifest:{manifest}" });
        var job = (string)(await RunningApi.JsonAsync(answer, 201))["id"]!;
        Assert.Equal("Completed", (string?)(await Api.GetAsync($"/v1/jobs/{job}?wait=60"))["state"]);

        var item = Assert.Single((await Api.GetAsync($"/v1/items?job={job}&label=purple"))["items"]!.AsArray())!;
        Assert.Equal("purple", (string?)item["label"]);
        Assert.Null(item["labelClass"]);
        Assert.Null(item["labelProbability"]);
        Assert.Null(item["correct"]);
    }

    private static int IndexOf(JsonArray classes, int wanted) => classes.Select(value => (int)value!).ToList().IndexOf(wanted);

    [Theory]
    [InlineData("label=dog")]
    [InlineData("predicted=dog")]
    [InlineData("status=failed")]
    [InlineData("sort=probability")]
    [InlineData("job=0198c0de-0000-7000-8000-000000000000&status=failed&sort=probability")]
    public async Task Query_without_an_index_is_refused_with_the_indexed_ones(string query)
    {
        var problem = await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/items?{query}"), 400, "not-indexed");
        Assert.All(ItemIndex.All, index => Assert.Contains(index.ToString(), (string)problem["detail"]!));
    }

    [Theory]
    [InlineData("colour=red", "colour")]
    [InlineData("status=maybe", "Completed, Failed")]
    [InlineData("sort=label", "number, probability, labelProbability, time")]
    [InlineData("limit=0", "limit=0")]
    [InlineData("limit=1001", "limit=1001")]
    [InlineData("limit=ten", "limit=ten")]
    [InlineData("correct=1", "correct=1")]
    [InlineData("explanation=abc", "explanation=abc")]
    [InlineData("job=7", "job=7")]
    [InlineData("label=a&label=b", "2 times")]
    public async Task Unreadable_parameter_is_named(string query, string named)
    {
        var problem = await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/items?{query}"), 400, "invalid-request");
        Assert.Contains(named, (string)problem["detail"]!);
    }

    [Fact]
    public async Task Pages_have_no_gaps_and_no_repeats()
    {
        var expected = new HashSet<string?>();
        for (var number = 10; number < 17; number++)
            expected.Add((string?)(await Api.ExplainAsync(RunningApi.Picture(number)))["id"]);
        var (seen, address) = (new List<string?>(), "/v1/items?sort=-time&limit=3");
        while (address.Length > 0)
        {
            var answer = await Api.Client.GetAsync(address);
            var page = await RunningApi.JsonAsync(answer, 200);
            Assert.InRange(page["items"]!.AsArray().Count, 1, 3);
            seen.AddRange(page["items"]!.AsArray().Select(item => (string?)item!["job"]));
            var next = answer.Headers.TryGetValues("Link", out var links) ? links.Single() : null;
            Assert.Equal(page["next"] is null, next is null);
            address = next is null ? "" : next[1..next.IndexOf('>')];
        }
        Assert.Equal(seen.Distinct().Count(), seen.Count);
        Assert.Subset(seen.ToHashSet(), expected);
    }

    [Fact]
    public async Task Cursor_of_another_list_is_refused()
    {
        await Api.ExplainAsync(RunningApi.Picture(20));
        await Api.ExplainAsync(RunningApi.Picture(21));
        var cursor = (string?)(await Api.GetAsync("/v1/items?limit=1"))["next"];
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/items?limit=1&sort=-time&cursor={cursor}"), 400, "wrong-cursor");
        var problem = await RunningApi.RefusedAsync(await Api.Client.GetAsync("/v1/items?cursor=abc"), 400, "wrong-cursor");
        Assert.Equal("Start again without the cursor.", (string?)problem["next"]);
    }

    [Fact]
    public async Task Item_is_found_by_job_and_number()
    {
        var done = await Api.ExplainAsync(RunningApi.Picture(30));
        Assert.Equal(done["item"]!.ToJsonString(), (await Api.GetAsync($"/v1/items/{(string?)done["id"]}/0")).ToJsonString());
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/items/{(string?)done["id"]}/1"), 404, "not-found");
        await RunningApi.RefusedAsync(await Api.Client.GetAsync("/v1/items/nobody/1"), 404, "not-found");
    }

    [Fact]
    public async Task Models_are_listed_with_the_digest_of_their_weights()
    {
        var model = Assert.Single((await Api.GetAsync("/v1/models")).AsArray())!;
        Assert.Equal("corner", (string?)model["id"]);
        Assert.True(Digest.TryParse((string?)model["sha256"], out var digest) && !digest.IsZero);
    }

    [Fact]
    public async Task Model_is_shown_with_the_names_of_its_classes()
    {
        var model = await Api.GetAsync("/v1/models/corner");
        var listed = Assert.Single((await Api.GetAsync("/v1/models")).AsArray())!;
        Assert.Equal((string?)listed["sha256"], (string?)model["sha256"]);
        var names = model["classNames"]!.AsArray().Select(name => (string?)name).ToList();
        Assert.Equal(["red", "green", "blue"], names.Take(3));
        Assert.Equal((10, 10), ((int)model["classes"]!, names.Count));

        var problem = await RunningApi.RefusedAsync(await Api.Client.GetAsync("/v1/models/crner"), 404, "not-found");
        Assert.Equal("Use one of corner.", (string?)problem["next"]);
    }
}
