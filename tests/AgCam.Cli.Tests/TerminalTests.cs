using System.Text.Json.Nodes;
using AgCam.Cli.Jobs;
using AgCam.Cli.Terminal;
using Xunit;

namespace AgCam.Cli.Tests;

public class TerminalTests
{
    [Fact]
    public void Table_of_jobs_fits_80_columns_and_shows_date_tags_and_model()
    {
        string[] tags = ["nightly", "a-tag-that-is-much-longer-than-others", "pets"];
        var job = Job("manifest:/data/a/very/long/path/that/does/not/fit/anywhere/pets-of-2026.parquet", "vit_base_patch16_224", tags);
        job["reason"] = "source-changed: The manifest was written again after planning began, so its rows may be others.";
        var lines = JobTable.Render([job, Job("folder:/data", "scenes", [])], 80).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.InRange(line.Length, 1, 80));
        Assert.Equal($"{"JOB", -18}{"STATE, IMAGES", -38}SOURCE, MODEL, TAGS", lines[0]);
        Assert.StartsWith($"{"0198c0de-0000", -18}{"Paused", -38}…", lines[1], StringComparison.Ordinal);
        Assert.EndsWith("pets-of-2026.parquet", lines[1], StringComparison.Ordinal);
        Assert.Matches(@"^2026-11-(29|30) \d\d:\d\d  1,000,000 of 2,000,000, 1,234 failed  vit_base_patch16_224, n…$", lines[2]);
        Assert.Matches("^ +source-changed: The man…$", lines[3]);
        Assert.Equal($"{"0198c0de-0000", -18}{"Paused", -38}folder:/data", lines[4]);
        Assert.EndsWith("  scenes", lines[5], StringComparison.Ordinal);
    }

    [Fact]
    public void Table_without_a_limit_cuts_nothing()
    {
        var source = $"folder:/{new string('a', 300)}";
        Assert.Contains(source, JobTable.Render([Job(source, "scenes", ["nightly"])], 10_000), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("one two three", 12, "one two\n   three")]
    [InlineData("one two three", 80, "one two three")]
    [InlineData("a;bb;ccc;dddd", 9, "a;bb;\n   ccc;\n   dddd")]
    [InlineData("a-word-that-is-too-long x", 10, "a-word-that-is-too-long\n   x")]
    public void Long_value_is_wrapped_below_its_beginning(string text, int width, string expected) =>
        Assert.Equal(expected, Field.Wrapped(text, width, indent: 3));

    private static JsonObject Job(string source, string model, string[] tags) =>
        new()
        {
            ["id"] = "0198c0de-0000-7000-8000-000000000000",
            ["state"] = "Paused",
            ["created"] = "2026-11-29T22:30:00Z",
            ["source"] = source,
            ["model"] = new JsonObject { ["id"] = model },
            ["tags"] = new JsonArray([.. tags.Select(tag => (JsonNode?)tag)]),
            ["images"] = 2_000_000,
            ["progress"] = new JsonObject { ["completed"] = 1_000_000, ["failed"] = 1_234 },
        };
}
