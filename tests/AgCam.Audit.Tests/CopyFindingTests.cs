using AgCam.Audit.Findings;
using AgCam.Pipeline.Records;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Audit.Tests;

public class CopyFindingTests
{
    private static readonly PictureFacts Picture = Some.Picture;

    [Fact]
    public void Equal_files_are_one_group_and_the_largest_group_comes_first()
    {
        var groups = Some.Fitted(() => new ExactDuplicateFinding(), Files(1, 2, 1, 3, 2, 2)).Groups();
        Assert.Equal(
            [
                [1, 4, 5],
                [0, 2],
            ],
            groups.Select(group => group.Numbers)
        );
    }

    [Property(MaxTest = 50)]
    public void Groups_of_equal_files_do_not_depend_on_order_or_shards(byte[] contents, byte shards)
    {
        var rows = Files([.. contents.Select(content => content % 8)]).ToList();
        var expected = Some.Fitted(() => new ExactDuplicateFinding(), rows).Groups();
        rows.Reverse();
        var actual = Some.Fitted(() => new ExactDuplicateFinding(), rows, 1 + shards % 4).Groups();
        Assert.Equal(expected.Select(group => group.Numbers), actual.Select(group => group.Numbers));
    }

    [Fact]
    public void Files_with_nearly_the_same_hash_and_facts_are_re_encoded_duplicates()
    {
        var rows = new[]
        {
            Of(0, 1, Picture),
            Of(1, 2, Picture with { PerceptualHash = Picture.PerceptualHash ^ 0b1111_0001, Width = 320, Height = 240 }),
            Of(2, 3, Picture with { PerceptualHash = ~Picture.PerceptualHash }),
        };
        var group = Assert.Single(Some.Fitted(() => new ReEncodedDuplicateFinding(), rows).Groups());
        Assert.Equal([0, 1], group.Numbers);
        Assert.Equal(5 / 64.0, group.Score);
    }

    [Fact]
    public void Other_brightness_shape_or_hash_is_no_duplicate()
    {
        AuditRow[] rows =
        [
            Of(0, 1, Picture),
            Of(1, 2, Picture with { Brightness = Picture.Brightness + 0.003f }),
            Of(2, 3, Picture with { Width = 480, Height = 640 }),
            Of(3, 4, Picture with { PerceptualHash = Picture.PerceptualHash ^ 0b111111 }),
        ];
        Assert.Empty(Some.Fitted(() => new ReEncodedDuplicateFinding(), rows).Groups());
    }

    [Fact]
    public void Pictures_with_few_edges_are_duplicates_only_when_their_luma_agrees_too()
    {
        var slope = Picture with { PerceptualHash = 0b11 };
        AuditRow[] rows =
        [
            Of(0, 1, slope),
            Of(1, 2, slope with { PerceptualHash = 0b1, Blur = 1.1f * slope.Blur }),
            Of(2, 3, slope with { LumaP5 = slope.LumaP5 + 0.05f }),
            Of(3, 4, slope with { LumaP99 = slope.LumaP99 - 0.05f }),
            Of(4, 5, slope with { Blur = 1.5f * slope.Blur }),
            Of(5, 6, slope with { PerceptualHash = 0b1111 }),
            Of(6, 7, slope with { PerceptualHash = 0, Entropy = 0 }), // one colour
            Of(7, 8, slope with { PerceptualHash = 0, Entropy = 0 }),
        ];
        Assert.Equal([0, 1], Assert.Single(Some.Fitted(() => new ReEncodedDuplicateFinding(), rows).Groups()).Numbers);
    }

    [Property(MaxTest = 30)]
    public void Every_pair_within_five_bits_is_found_wherever_its_bits_differ(long hash, byte a, byte b, byte c, byte d)
    {
        hash = (hash & ~0x0000_FFFF_0000_FFFFL) | 0x0000_00FF_0000_00FFL; // a picture with structure
        var other = hash ^ (1L << (a % 64)) ^ (1L << (b % 64)) ^ (1L << (c % 64)) ^ (1L << (d % 64)) ^ (1L << ((a + b) % 64));
        AuditRow[] rows = [Of(0, 1, Picture with { PerceptualHash = hash }), Of(1, 2, Picture with { PerceptualHash = other })];
        Assert.Single(Some.Fitted(() => new ReEncodedDuplicateFinding(), rows, shards: 2).Groups());
    }

    [Fact]
    public void Files_that_look_alike_to_the_model_and_to_the_eye_are_near_duplicates()
    {
        float[] own = [1, 2, 3, 4];
        AuditRow[] rows =
        [
            Of(0, 1, Picture) with
            {
                Embedding = own,
            },
            Of(1, 2, Picture with { PerceptualHash = Picture.PerceptualHash ^ 0xFFF }) with
            {
                Embedding = [1, 2, 3, 5],
            },
            Of(2, 3, Picture) with
            {
                Embedding = [4, -3, 2, 1],
            }, // another object
            Of(3, 4, Picture with { PerceptualHash = ~Picture.PerceptualHash }) with
            {
                Embedding = own,
            }, // another picture of the class
            Of(4, 5, Picture with { Brightness = 0.9f }) with
            {
                Embedding = own,
            },
            Of(5, 1, Picture) with
            {
                Embedding = own,
            }, // an exact copy of the first
            Of(6, 6, Picture), // without an embedding
            Of(8, 8, Picture with { PerceptualHash = 1 }) with
            {
                Embedding = own,
            }, // blank
            Of(7, 7, Picture with { Blur = 300 }) with
            {
                Embedding = own,
            }, // re-encoded
        ];
        var finding = Some.Fitted(() => new NearDuplicateFinding(), rows, shards: 3);
        var group = Assert.Single(finding.Groups());
        Assert.Equal([0, 1, 7], group.Numbers); // 7 is near 1
        Assert.Equal(7, finding.Compared);
        Assert.Equal(1 - (34 / Math.Sqrt(30.0 * 39)), group.Score, 6);
    }

    [Property(MaxTest = 20)]
    public void Near_duplicates_equal_those_of_all_pairs_for_any_order_and_shards(int seed, byte shards)
    {
        var random = new Random(seed);
        var rows = Enumerable.Range(0, 80).Select(number => Drawn(number, random)).ToList();
        var expected = Groups(rows);
        rows.Reverse();
        var found = Some.Fitted(() => new NearDuplicateFinding(), rows, 1 + (shards % 4)).Groups();
        Assert.Equal(expected, found.Select(group => string.Join(' ', group.Numbers)).Order());

        static AuditRow Drawn(long number, Random random)
        {
            // Few hashes, brightnesses and directions, so that about half of the conditions hold for a pair.
            var hash = Picture.PerceptualHash ^ ((1L << random.Next(20)) - 1);
            var (brightness, entropy) = (0.4f + (0.02f * random.Next(4)), 7 + (0.2f * random.Next(4)));
            var picture = Picture with { PerceptualHash = hash, Brightness = brightness, Entropy = entropy };
            return Of(number, (int)number, picture) with { Embedding = [1, 0.25f * random.Next(4), 1] };
        }

        static IEnumerable<string> Groups(List<AuditRow> rows)
        {
            var sets = rows.Select(row => new SortedSet<long> { row.Number }).ToArray();
            foreach (var left in rows)
            foreach (var right in rows.Where(other => other.Number > left.Number && AreNear(left, other)))
            {
                sets[left.Number].UnionWith(sets[right.Number]);
                foreach (var member in sets[left.Number])
                    sets[member] = sets[left.Number];
            }
            return sets.Where(set => set.Count > 1).Select(set => string.Join(' ', set)).Distinct().Order();
        }

        static bool AreNear(AuditRow left, AuditRow right)
        {
            var (a, b) = (left.Picture!, right.Picture!);
            var product = left.Embedding!.Zip(right.Embedding!, (x, y) => (double)x * y).Sum();
            var lengths = left.Embedding!.Sum(x => (double)x * x) * right.Embedding!.Sum(x => (double)x * x);
            return ReEncodedDuplicateFinding.Distance(a, b) <= 12
                && Math.Abs((double)a.Brightness - b.Brightness) <= 0.03
                && Math.Abs(a.Entropy - b.Entropy) <= 0.3
                && !ReEncodedDuplicateFinding.IsSame(a, b)
                && product / Math.Sqrt(lengths) >= 0.95;
        }
    }

    [Fact]
    public void Copies_in_two_splits_are_a_leak_and_copies_in_one_split_are_none()
    {
        var exact = new ExactDuplicateFinding();
        var leaks = new SplitLeakFinding([exact], []);
        foreach (
            var row in new[]
            {
                Of(0, 1, Picture) with
                {
                    Split = "train",
                },
                Of(1, 1, Picture) with
                {
                    Split = "test",
                },
                Of(2, 2, Picture) with
                {
                    Split = "train",
                },
                Of(3, 2, Picture) with
                {
                    Split = "train",
                },
                Of(4, 1, Picture),
            }
        )
        {
            exact.Fit(row);
            leaks.Fit(row);
        }
        var leak = Assert.Single(leaks.Groups());
        Assert.Equal(["test", "train"], leak.Splits);
        Assert.Equal([0, 1, 4], leak.Numbers);
        Assert.Equal(4, leaks.Compared);
    }

    [Fact]
    public async Task Leaks_are_found_when_only_they_are_asked_for()
    {
        AuditRow[] rows = [Of(0, 1, Picture) with { Split = "train" }, Of(1, 1, Picture) with { Split = "test" }];
        var findings = FindingList.Create(1, names: ["split-leak"]);
        var report = await new Auditor(new ClassNames(1), findings, 20).RunAsync(
            () => rows.ToAsyncEnumerable(),
            cancellationToken: TestContext.Current.CancellationToken
        );
        Assert.Equal(("split-leak", 2L), (report.Findings.Single().Name, report.Findings[0].Count));
    }

    private static IEnumerable<AuditRow> Files(params int[] contents) => contents.Select((content, number) => Of(number, content, Picture));

    private static AuditRow Of(long number, int content, PictureFacts picture) =>
        Some.Row(number) with
        {
            Sha256 = Some.File(content),
            Picture = picture,
        };
}
