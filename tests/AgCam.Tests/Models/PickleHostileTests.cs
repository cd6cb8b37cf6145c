using System.IO.Compression;
using AgCam.Models;
using AgCam.Models.Pickle;
using Xunit;

namespace AgCam.Tests.Models;

public sealed class PickleHostileTests : IDisposable
{
    private const int Mutations = 4_000;
    private const int Files = 2_500;
    private const long MostBytes = 150_000_000;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelException? Read(byte[] file, string what, long mostBytes = MostBytes)
    {
        var path = _folder["case.pth"];
        File.WriteAllBytes(path, file);
        return Bounded.Run(
            what,
            mostBytes,
            () =>
            {
                using var pth = PthFile.Open(path);
                foreach (var tensor in pth.Tensors.Values)
                    Assert.Equal(tensor.ByteLength, tensor.Bytes.Length);
            }
        );
    }

    private static ModelException? ReadPickle(byte[] pickle, string what) =>
        Bounded.Run(what, MostBytes, () => new PickleReader(pickle, "case").Read());

    private static byte[] Floats(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    private float[] Values(byte[] file)
    {
        File.WriteAllBytes(_folder["good.pth"], file);
        using var pth = PthFile.Open(_folder["good.pth"]);
        return pth.Tensors["w"].ToFloat32();
    }

    [Fact]
    public void Strided_tensors_are_read_in_row_major_order()
    {
        var storage = ("archive/data/0", Floats(0, 1, 2, 3, 4, 5, 6, 7));
        Assert.Equal([1, 2, 3, 4, 5, 6], Values(PickleBytes.Zip(PickleBytes.OneTensor("0", 8, 1, [2, 3], [3, 1]).ToArray(), storage)));
        // Transposed
        Assert.Equal([1, 3, 5, 2, 4, 6], Values(PickleBytes.Zip(PickleBytes.OneTensor("0", 8, 1, [2, 3], [1, 2]).ToArray(), storage)));
        Assert.Equal([0, 4], Values(PickleBytes.Zip(PickleBytes.OneTensor("0", 8, 0, [2], [4]).ToArray(), storage))); // a column
        Assert.Equal([7], Values(PickleBytes.Zip(PickleBytes.OneTensor("0", 8, 7, [], []).ToArray(), storage))); // a scalar
        Assert.Empty(Values(PickleBytes.Zip(PickleBytes.OneTensor("0", 8, 0, [0, 3], [3, 1]).ToArray(), storage)));
    }

    [Theory]
    [InlineData(8, 0, new long[] { 9 }, new long[] { 1 })]
    [InlineData(8, 1, new long[] { 8 }, new long[] { 1 })]
    [InlineData(8, 9, new long[] { }, new long[] { })]
    [InlineData(8, -1, new long[] { 1 }, new long[] { 1 })]
    [InlineData(8, long.MaxValue, new long[] { 2 }, new long[] { long.MaxValue })]
    [InlineData(8, 0, new long[] { 4, 2 }, new long[] { 3, 1 })]
    [InlineData(8, 0, new long[] { 2 }, new long[] { -1 })]
    [InlineData(8, 0, new long[] { -2 }, new long[] { 1 })]
    [InlineData(8, 0, new long[] { 2, 2 }, new long[] { 1 })]
    [InlineData(8, 0, new long[] { 1_000_000_000_000 }, new long[] { 0 })] // one repeated number
    [InlineData(8, 0, new long[] { long.MaxValue, long.MaxValue }, new long[] { 0, 0 })]
    [InlineData(8, 0, new long[] { long.MaxValue, long.MaxValue }, new long[] { long.MaxValue, long.MaxValue })]
    [InlineData(7, 0, new long[] { 7 }, new long[] { 1 })] // the file holds 8
    [InlineData(long.MaxValue, 0, new long[] { long.MaxValue }, new long[] { 1 })]
    [InlineData(1L << 60, 0, new long[] { 1L << 60 }, new long[] { 1 })]
    public void Tensor_with_a_false_size_is_refused(long elements, long offset, long[] shape, long[] strides)
    {
        var file = PickleBytes.Zip(
            PickleBytes.OneTensor("0", elements, offset, shape, strides).ToArray(),
            ("archive/data/0", new byte[32])
        );
        Assert.Equal(ModelFailure.Corrupt, Read(file, "a lying tensor", 1_000_000)!.Reason);
    }

    [Fact]
    public void Missing_storage_is_named()
    {
        var error = Read(
            PickleBytes.Zip(PickleBytes.OneTensor("5", 8, 0, [8], [1]).ToArray(), ("archive/data/0", new byte[32])),
            "a missing storage"
        )!;
        Assert.Contains("storage '5'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compressed_entries_are_refused_before_they_inflate()
    {
        var pickle = PickleBytes.OneTensor("0", 25_000_000, 0, [25_000_000], [1]).ToArray();
        var bomb = PickleBytes.Zip(CompressionLevel.Optimal, ("archive/data.pkl", pickle), ("archive/data/0", new byte[100_000_000]));
        var error = Read(bomb, "a zip bomb", 1_000_000)!;
        Assert.Contains("compressed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_archives_are_refused()
    {
        var good = PickleBytes.OneTensor("0", 8, 0, [8], [1]).ToArray();
        Assert.Contains(
            "TorchScript",
            Read(PickleBytes.Zip(good, ("archive/constants.pkl", [])), "TorchScript")!.Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "big-endian",
            Read(PickleBytes.Zip(good, ("archive/byteorder", "big"u8.ToArray())), "big-endian")!.Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "data.pkl",
            Read(PickleBytes.Zip(good, ("other/data.pkl", good)), "two pickles")!.Message,
            StringComparison.Ordinal
        );
        Assert.NotNull(Read(PickleBytes.Zip(CompressionLevel.NoCompression, ("readme.txt", [])), "no pickle"));
    }

    [Fact]
    public void Objects_of_any_class_stay_inert()
    {
        // os.system("..."), builtins.eval, a class with state, an extension code and an instance of protocol 0, beside a valid tensor.
        var pickle = new PickleBytes()
            .Op('}')
            .Op('(')
            .Text("a")
            .Global("os", "system")
            .Text("touch PWNED")
            .Op(0x85)
            .Op('R')
            .Text("b")
            .Global("builtins", "eval")
            .Text("1/0")
            .Op(0x85)
            .Op('R')
            .Text("c")
            .Global("subprocess", "Popen")
            .Op(')')
            .Op(0x81)
            .Op('}')
            .Op('b')
            .Text("d")
            .Op(0x82, 7)
            .Text("e")
            .Op('(')
            .Text("x")
            .Op("ios\nsystem\n"u8.ToArray())
            .Text("f")
            .Op("Psome persistent id\n"u8.ToArray())
            .Text("w")
            .Tensor("0", 2, 0, [2], [1])
            .Op('u')
            .Op('.')
            .ToArray();
        Assert.Equal([3, 4], Values(PickleBytes.Zip(pickle, ("archive/data/0", Floats(3, 4)))));
        Assert.False(File.Exists("PWNED"));
    }

    [Fact]
    public void Pickled_module_is_refused_with_the_next_step()
    {
        var pickle = new PickleBytes()
            .Global("timm.models.vision_transformer", "VisionTransformer")
            .Op(')')
            .Op(0x81)
            .Op('}')
            .Op('b')
            .Op('.')
            .ToArray();
        var error = Read(PickleBytes.Zip(pickle), "a module")!;
        Assert.Contains("state_dict()", error.Message, StringComparison.Ordinal);
        Assert.Contains("timm.models.vision_transformer.VisionTransformer", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Dictionary_without_weights_is_refused_with_its_keys()
    {
        var error = Read(PickleBytes.Zip(new PickleBytes().Op('}').Text("epoch").Number(3).Op('s').Op('.').ToArray()), "no weights")!;
        Assert.Contains("'epoch'", error.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[]> Bombs
    {
        get
        {
            byte[] Endless(params byte[] bytes) => new PickleBytes().Repeat(5_000_000 / bytes.Length, bytes).Op('.').ToArray();
            var data = new TheoryData<string, byte[]>
            {
                { "endless lists", Endless((byte)']') },
                { "endless dictionaries", Endless((byte)'}') },
                { "endless marks", Endless((byte)'(') },
                { "lists in lists", Endless((byte)']', (byte)'a') },
                { "tuples in tuples", new PickleBytes().Op('N').Repeat(3_000_000, 0x85).Op('.').ToArray() },
                { "endless copies", new PickleBytes().Op(']').Repeat(3_000_000, (byte)'2').Op('.').ToArray() },
                { "endless memos", new PickleBytes().Op('N').Repeat(3_000_000, 0x94).Op('.').ToArray() },
                { "a far memo", new PickleBytes().Op('N').Op((byte)'r', 255, 255, 255, 255).Op('.').ToArray() },
                {
                    "a list in itself",
                    new PickleBytes().Op(']').Op((byte)'q', 0).Repeat(400_000, (byte)'h', 0, (byte)'a').Op('.').ToArray()
                },
                { "a memo that is not there", new PickleBytes().Op((byte)'h', 9).Op('.').ToArray() },
                { "a text of 2^63 bytes", new PickleBytes().Op(0x8d, 255, 255, 255, 255, 255, 255, 255, 127).Op('.').ToArray() },
                { "a text of 4 GB", new PickleBytes().Op((byte)'X', 255, 255, 255, 255).Op('.').ToArray() },
                { "bytes of 2^64", new PickleBytes().Op(0x8e, 255, 255, 255, 255, 255, 255, 255, 255).Op('.').ToArray() },
                { "an integer of 2 GB", new PickleBytes().Op(0x8b, 255, 255, 255, 127).Op('.').ToArray() },
                { "an integer of negative length", new PickleBytes().Op(0x8b, 255, 255, 255, 255).Op('.').ToArray() },
                {
                    "an integer of a million digits",
                    new PickleBytes().Op('L').Repeat(1_000_000, (byte)'9').Op((byte)'\n', (byte)'.').ToArray()
                },
                { "a line without end", new PickleBytes().Op('c').Repeat(1_000_000, (byte)'a').ToArray() },
                { "nothing", [] },
                { "only its protocol", [0x80, 2] },
                { "a protocol of the future", [0x80, 9, (byte)'N', (byte)'.'] },
                { "a stop on an empty stack", [(byte)'.'] },
                { "a pop of nothing", [(byte)'0', (byte)'.'] },
                { "a pop below a mark", [(byte)'N', (byte)'(', (byte)'a', (byte)'.'] },
                { "a key without value", [(byte)'}', (byte)'(', (byte)'N', (byte)'u', (byte)'.'] },
                { "a buffer from elsewhere", [0x80, 5, 0x97, (byte)'.'] },
            };

            // 500 references to one long list of pairs, each copied into its own OrderedDict: 10^8 steps in 10 kB.
            var pairs = new PickleBytes().Op(']').Op((byte)'q', 0).Op('(');
            for (var i = 0; i < 200_000; i++)
                pairs.Op((byte)'N', 0x85);
            pairs.Op('e');
            for (var i = 0; i < 500; i++)
                pairs.Global("collections", "OrderedDict").Op((byte)'h', 0, 0x85, (byte)'R');
            data.Add("copies of a long list", pairs.Op('.').ToArray());
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Bombs), DisableDiscoveryEnumeration = true)]
    public void Bombs_and_invalid_opcodes_are_refused_within_limits(string what, byte[] pickle)
    {
        var refusal = ReadPickle(pickle, what);
        if (what is not ("a far memo" or "a list in itself")) // these two are valid and cheap
            Assert.Equal(ModelFailure.Corrupt, refusal!.Reason);
        Assert.NotNull(Read(PickleBytes.Zip(pickle), what));
        Assert.NotNull(Read(pickle, what));
    }

    [Theory]
    [InlineData("state_dict.pth")]
    [InlineData("training_checkpoint.pth.tar")]
    [InlineData("malicious.pth")]
    public void Thousands_of_damaged_pickles_are_read_or_refused(string name)
    {
        using var zip = ZipFile.OpenRead(Fixture.Path("pth", name));
        using var stream = zip.Entries.Single(entry => entry.Name == "data.pkl").Open();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        var good = copy.ToArray();
        Assert.Null(ReadPickle(good, "the undamaged pickle"));
        var random = new Random(name.Length);
        var refused = 0;
        for (var i = 0; i < Mutations; i++)
            if (ReadPickle(Damage(good, random, good.Length), $"mutation {i}") is not null)
                refused++;
        Assert.InRange(refused, 100, Mutations - 1);
    }

    /// <summary>Makes a small file, so that most damage hits the structure and each round is fast.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Thousands_of_damaged_checkpoints_are_read_or_refused(bool legacy)
    {
        var good = legacy
            ? Legacy()
            : PickleBytes.Zip(
                new PickleBytes()
                    .Op('}')
                    .Op('(')
                    .Text("a")
                    .Tensor("0", 8, 1, [2, 3], [1, 2])
                    .Text("b")
                    .Tensor("1", 4, 0, [4], [1], "HalfStorage")
                    .Op('u')
                    .Op('.')
                    .ToArray(),
                ("archive/byteorder", "little"u8.ToArray()),
                ("archive/data/0", new byte[32]),
                ("archive/data/1", new byte[8]),
                ("archive/version", "3\n"u8.ToArray())
            );
        Assert.Null(Read(good, "the undamaged file"));
        var random = new Random(legacy ? 7 : 8);
        var refused = 0;
        for (var i = 0; i < Files; i++)
            if (Read(Damage(good, random, good.Length), $"mutation {i}", 5_000_000) is not null)
                refused++;
        Assert.InRange(refused, Files / 4, Files - 1);
    }

    private static byte[] Legacy() =>
        [
            0x80,
            2,
            0x8a,
            10,
            0x6c,
            0xfc,
            0x9c,
            0x46,
            0xf9,
            0x20,
            0x6a,
            0xa8,
            0x50,
            0x19,
            (byte)'.',
            0x80,
            2,
            (byte)'M',
            0xe9,
            0x03,
            (byte)'.',
            .. new PickleBytes().Op('}').Text("little_endian").Op(0x88).Op('s').Op('.').ToArray(),
            .. PickleBytes.OneTensor("900", 6, 0, [2, 3], [3, 1]).ToArray(),
            .. new PickleBytes().Op(']').Text("900").Op('a').Op('.').ToArray(),
            6,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            .. new byte[24],
        ];

    private static byte[] Damage(byte[] good, Random random, int reach)
    {
        var bytes = (byte[])good.Clone();
        switch (random.Next(4))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                for (var flips = random.Next(1, 4); flips > 0; flips--)
                    bytes[random.Next(reach)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 2:
                bytes[random.Next(reach)] = (byte)random.Next(256);
                return bytes;
            default:
                var from = random.Next(reach);
                return [.. bytes[..from], .. bytes[Math.Min(bytes.Length, from + random.Next(1, 20))..]];
        }
    }
}
