using System.Text.Json;
using AgCam.Pipeline.Messages;
using Xunit;

namespace AgCam.Pipeline.Tests.Messages;

public sealed class ExplainImagesRulesTests
{
    private static readonly ExplainImages Good = Some.Request("key", 2);

    private static ExplainImages With(ImageReference reference) => Good with { References = [reference] };

    public static TheoryData<string, ExplainImages> Broken =>
        new()
        {
            { "key", Good with { Key = "" } },
            { "key", Good with { Key = null! } },
            { "key", Good with { Key = new string('k', ExplainImagesRules.MaxKey + 1) } },
            { "jobId", Good with { JobId = Guid.Empty } },
            { "chunk", Good with { Chunk = -1, JobId = Guid.NewGuid() } },
            { "chunk", Good with { Chunk = 1 } },
            { "publishCount", Good with { PublishCount = -1 } },
            { "lane", Good with { Lane = (Lane)7 } },
            { "model.id", Good with { Model = Good.Model with { Id = "" } } },
            { "model.sha256", Good with { Model = Good.Model with { Sha256 = default } } },
            { "model.id", Good with { Model = null! } },
            { "method", Good with { Method = "" } },
            { "threshold", Good with { Threshold = 1.01 } },
            { "threshold", Good with { Threshold = double.NaN } },
            { "dtype", Good with { Dtype = "float64" } },
            { "dtype", Good with { Dtype = null! } },
            { "targets", Good with { Targets = [] } },
            { "targets", Good with { Targets = null! } },
            { "targets[1]", Good with { Targets = ["predicted", "top:0"] } },
            { "targets[0]", Good with { Targets = ["class:"] } },
            { "targets[0]", Good with { Targets = ["top:21"] } },
            { "targets[0]", Good with { Targets = ["predicted-vs-"] } },
            { "targets[0]", Good with { Targets = [new string('a', 601)] } },
            { "targets[0]", Good with { Targets = [null!] } },
            { "references", Good with { References = [] } },
            { "references", Good with { References = null! } },
            { "references", Good with { References = Some.References(0, 257) } },
            { "references[1]", Good with { References = [Some.Reference(0), null!] } },
            { "references[1].number", Good with { References = [Some.Reference(3), Some.Reference(3)] } },
            { "references[0].number", With(Some.Reference(-1)) },
            { "references[0].uri", With(new ImageReference { Uri = "" }) },
            { "references[0].uri", With(new ImageReference { Uri = null! }) },
            { "references[0].uri", With(new ImageReference { Uri = "a\0b" }) },
            { "references[0].uri", With(new ImageReference { Kind = ReferenceKind.Http, Uri = "ftp://example.org/a.jpg" }) },
            { "references[0].uri", With(new ImageReference { Kind = ReferenceKind.Http, Uri = "a.jpg" }) },
            { "references[0].uri", With(new ImageReference { Kind = ReferenceKind.S3, Uri = "s3://bucket" }) },
            { "references[0].uri", With(new ImageReference { Kind = ReferenceKind.Upload, Uri = "not an id" }) },
            { "references[0].uri", With(new ImageReference { Kind = (ReferenceKind)9, Uri = "x" }) },
            { "references[0].label", With(Some.Reference(0) with { Label = "" }) },
            { "references[0].split", With(Some.Reference(0) with { Split = new string('s', 257) }) },
            { "references[0].stamp", With(Some.Reference(0) with { Stamp = "" }) },
            {
                "references[0].metadata",
                With(Some.Reference(0) with { Metadata = Enumerable.Range(0, 33).ToDictionary(i => $"{i}", i => "") })
            },
            { "references[0].metadata", With(Some.Reference(0) with { Metadata = new Dictionary<string, string> { ["x"] = null! } }) },
            { "references[0].metadata", With(Some.Reference(0) with { Metadata = new Dictionary<string, string> { [""] = "x" } }) },
            // No store accepts a null character in a name.
            { "references[0].metadata", With(Some.Reference(0) with { Metadata = new Dictionary<string, string> { ["a\0b"] = "x" } }) },
        };

    [Theory(DisableDiscoveryEnumeration = true)]
    [MemberData(nameof(Broken))]
    public void Offending_field_is_named(string field, ExplainImages message)
    {
        Assert.Contains(field, ExplainImagesRules.Check(message).Select(problem => problem.Field));
        Assert.Contains(field, Assert.Throws<InvalidMessageException>(() => ExplainImagesRules.ThrowIfInvalid(message)).Message);
    }

    [Fact]
    public void Valid_message_has_no_problems()
    {
        ExplainImagesRules.ThrowIfInvalid(Good);
        ExplainImagesRules.ThrowIfInvalid(
            Good with
            {
                References = Some.References(0, 256),
                Targets =
                [
                    "predicted",
                    "top:20",
                    "label",
                    "class:tench, Tinca tinca",
                    "tench",
                    "0",
                    "predicted-vs-label",
                    "class:a-vs-class:b",
                ],
            }
        );
        ExplainImagesRules.ThrowIfInvalid(With(new ImageReference { Kind = ReferenceKind.Upload, Uri = Guid.NewGuid().ToString() }));
        ExplainImagesRules.ThrowIfInvalid(
            With(
                new ImageReference
                {
                    Kind = ReferenceKind.S3,
                    Uri = "s3://bucket/a b.jpg",
                    Metadata = new Dictionary<string, string> { ["x"] = "" },
                }
            )
        );
        ExplainImagesRules.ThrowIfInvalid(With(new ImageReference { Kind = ReferenceKind.Http, Uri = "https://example.org/a.jpg" }));
    }

    [Fact]
    public void Message_with_many_errors_is_answered_briefly() =>
        Assert.Equal(
            ExplainImagesRules.MaxProblems,
            ExplainImagesRules.Check(Good with { References = [.. Enumerable.Repeat(new ImageReference(), 256)] }).Count
        );

    [Fact]
    public void Message_from_another_language_is_read_as_written()
    {
        var sha256 = new string('a', 64);
        var message = JsonSerializer.Deserialize<ExplainImages>(
            $$$"""
            {"key":"k1","lane":"Interactive","model":{"id":"vit","sha256":"{{{sha256}}}"},"targets":["label"],"threshold":0.25,
             "references":[{"number":4,"kind":"S3","uri":"s3://b/k.png","label":"cat","metadata":{"site":"north"}}]}
            """,
            JsonSerializerOptions.Web
        )!;

        ExplainImagesRules.ThrowIfInvalid(message);
        Assert.Equal(
            (Lane.Interactive, sha256, ReferenceKind.S3, "north"),
            (message.Lane, message.Model.Sha256.ToString(), message.References[0].Kind, message.References[0].Metadata!["site"])
        );
        Assert.Equal(("float32", "agcam", RequestId.Of("k1")), (message.Dtype, message.Method, message.Owner));
        Assert.Equivalent(message, JsonSerializer.Deserialize<ExplainImages>(JsonSerializer.Serialize(message)), strict: true);
    }
}
