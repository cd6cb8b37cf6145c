using AgCam.Pipeline.Jobs.Sources;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using Parquet;
using Parquet.Schema;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

[Collection(Memory)]
public sealed class ParquetManifestTests : IDisposable
{
    /// <summary>Test classes that measure memory or need much of it run one at a time.</summary>
    internal const string Memory = "memory";

    /// <summary>Rows of the large manifest. AGCAM_TEST_MANIFEST_ROWS sets it, e.g. to two million; the default is fast.</summary>
    private static readonly int Rows = int.Parse(
        Environment.GetEnvironmentVariable("AGCAM_TEST_MANIFEST_ROWS") ?? "200000",
        System.Globalization.CultureInfo.InvariantCulture
    );

    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-tests").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Manifest => Path.Combine(_folder, "m.parquet");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Columns_of_any_plain_type_become_text()
    {
        var (where, truth, fold, score, seen) = (
            new DataField<string>("where"),
            new DataField<int?>("truth"),
            new DataField<long>("fold"),
            new DataField<double>("score"),
            new DataField<bool>("seen")
        );
        await WriteAsync(
            [where, truth, fold, score, seen],
            async group =>
            {
                await group.WriteAsync(where, (string[])["s3://data/a.jpg", "b.jpg"]);
                await group.WriteAsync<int>(truth, new int?[] { 7, null });
                await group.WriteAsync<long>(fold, new long[] { 3, 4 });
                await group.WriteAsync<double>(score, new[] { 0.5, -1 });
                await group.WriteAsync<bool>(seen, new[] { true, false });
            }
        );
        var rows = await WalkAsync(
                new()
                {
                    ["column.path"] = "where",
                    ["column.label"] = "truth",
                    ["column.split"] = "fold",
                }
            )
            .ToListAsync(Cancel);
        Assert.Equal(
            [(ReferenceKind.S3, "s3://data/a.jpg", "7", "3"), (ReferenceKind.File, Path.Combine(_folder, "b.jpg"), null, "4")],
            rows.Select(row => (row.Kind, row.Uri, row.Label, row.Split))
        );
        Assert.Equal(["score=0.5", "seen=true"], rows[0].Metadata!.Select(item => $"{item.Key}={item.Value}").Order());
    }

    [Fact]
    public async Task Version_is_the_stamp_of_the_object()
    {
        var (path, version) = (new DataField<string>("path"), new DataField<string>("version_id"));
        await WriteAsync(
            [path, version],
            async group =>
            {
                await group.WriteAsync(path, (string[])["s3://data/a.jpg", "s3://data/b.jpg"]);
                await group.WriteAsync(version, (string[])["3HL4kq", ""]);
            }
        );
        Assert.Equal(["version:3HL4kq", null], (await WalkAsync().ToListAsync(Cancel)).Select(row => row.Stamp));
    }

    [Fact]
    public async Task Invalid_parquet_and_a_missing_column_are_named()
    {
        await File.WriteAllTextAsync(Manifest, "path\na.jpg\n", Cancel);
        Assert.Contains(
            "not a readable Parquet",
            (await Assert.ThrowsAsync<SourceException>(async () => await WalkAsync().ToListAsync(Cancel))).Message
        );
        await WriteManyAsync(10, 5);
        Assert.Contains(
            "\"nothing\"",
            (
                await Assert.ThrowsAsync<SourceException>(async () =>
                    await WalkAsync(new() { ["column.path"] = "nothing" }).ToListAsync(Cancel)
                )
            ).Message
        );
    }

    [Fact]
    public async Task Planning_resumes_at_its_row()
    {
        await WriteManyAsync(1000, 100);
        var rest = await WalkAsync(tail: new PlanTail(3, 250, "s3://data/000000249.jpg")).ToListAsync(Cancel);
        Assert.Equal((750, "s3://data/000000250.jpg"), (rest.Count, rest[0].Uri));
        await Assert.ThrowsAsync<SourceException>(async () =>
            await WalkAsync(tail: new PlanTail(3, 250, "s3://data/other.jpg")).ToListAsync(Cancel)
        );
    }

    /// <summary>Memory may grow by at most one row group between the first row groups and the last row.</summary>
    [Fact]
    public async Task Large_manifest_streams_in_constant_memory()
    {
        const int Group = 20_000;
        await WriteManyAsync(Rows, Group);
        long early = 0,
            maximum = 0;
        var number = 0;
        await foreach (var row in WalkAsync())
        {
            if (number % 1000 == 0)
                Assert.Equal(($"s3://data/{number:000000000}.jpg", $"class {number % 10}"), (row.Uri, row.Label));
            if (++number % Group == Group / 2)
            {
                var now = GC.GetTotalMemory(forceFullCollection: true);
                if (number < 3 * Group)
                    early = Math.Max(early, now);
                else
                    maximum = Math.Max(maximum, now);
            }
        }
        Assert.Equal(Rows, number);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{Rows} rows: {early / 1e6:0.0} MB in the first groups, at most {maximum / 1e6:0.0} MB later"
        );
        Assert.InRange(maximum, 1, early + (8 << 20));
    }

    private IAsyncEnumerable<ImageReference> WalkAsync(Dictionary<string, string>? options = null, PlanTail? tail = null)
    {
        var references = new ReferenceReader(new ReferenceOptions { Roots = [_folder] }, null!);
        return ImageSource
            .Open(Some.Spec($"manifest:{Manifest}") with { Options = options }, references, null!)
            .WalkAsync(tail ?? new PlanTail(0, 0, null), Cancel);
    }

    private async Task WriteManyAsync(int rows, int group)
    {
        var (path, label) = (new DataField<string>("path"), new DataField<string>("label"));
        var from = 0;
        await WriteAsync(
            [path, label],
            async writer =>
            {
                var count = Math.Min(group, rows - from);
                await writer.WriteAsync(path, Enumerable.Range(from, count).Select(i => $"s3://data/{i:000000000}.jpg").ToArray());
                await writer.WriteAsync(label, Enumerable.Range(from, count).Select(i => $"class {i % 10}").ToArray());
                from += count;
            },
            (rows + group - 1) / group
        );
    }

    private async Task WriteAsync(DataField[] fields, Func<ParquetRowGroupWriter, Task> write, int groups = 1)
    {
        await using var stream = File.Create(Manifest);
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), stream, cancellationToken: Cancel);
        for (var i = 0; i < groups; i++)
        {
            using var group = writer.CreateRowGroup();
            await write(group);
            group.CompleteValidate();
        }
    }
}
