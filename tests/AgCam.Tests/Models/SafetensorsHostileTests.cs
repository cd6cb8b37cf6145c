using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;
using AgCam.Models;
using AgCam.Models.Safetensors;
using Xunit;

namespace AgCam.Tests.Models;

public sealed class SafetensorsHostileTests : IDisposable
{
    private const int Mutations = 3_000;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static byte[] File(string header, int bufferLength) => File(Encoding.UTF8.GetBytes(header), bufferLength);

    private static byte[] File(byte[] header, int bufferLength)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        return [.. length, .. header, .. new byte[bufferLength]];
    }

    private ModelException? Read(byte[] bytes, string what)
    {
        var path = _folder["case.safetensors"];
        System.IO.File.WriteAllBytes(path, bytes);
        return Bounded.Run(
            what,
            200_000 + 60L * bytes.Length,
            () =>
            {
                using var file = SafetensorsFile.Open(path);
                foreach (var tensor in file.Tensors.Values)
                {
                    Assert.Equal(tensor.ByteLength, tensor.Bytes.Length);
                    if (tensor.DType.IsWeight())
                        Assert.Equal(tensor.ElementCount, tensor.ToFloat32().Length);
                }
            }
        );
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}    """, 8)]
    [InlineData(
        """{"b":{"dtype":"I64","shape":[],"data_offsets":[2,10]},"a":{"shape":[1,2],"data_offsets":[0,2],"dtype":"F8_E4M3"}}""",
        10
    )]
    [InlineData("""{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]},"empty":{"dtype":"F32","shape":[0,7],"data_offsets":[2,2]}}""", 2)]
    [InlineData("{}", 0)]
    public void Valid_file_is_read(string header, int buffer) => Assert.Null(Read(File(header, buffer), header));

    [Theory]
    [InlineData("", 0, "not a JSON object")]
    [InlineData("[]", 0, "not a JSON object")]
    [InlineData(" {}", 0, "not a JSON object")]
    [InlineData("{", 0, "not valid JSON")]
    [InlineData("{}{}", 0, "not valid JSON")]
    [InlineData("{}\0\0", 0, "not valid JSON")]
    [InlineData("""{"a":1}""", 0, "not an object")]
    [InlineData("""{"a":{}}""", 0, "needs dtype, shape and two data_offsets")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""",
        8,
        "twice"
    )]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}""", 8, "repeated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1}}""", 8, "unknown")]
    [InlineData("""{"a":{"dtype":"F128","shape":[2],"data_offsets":[0,8]}}""", 8, "dtype")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", 8, "integers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "integers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}""", 8, "integers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,8]}}""", 8, "too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""", 8, "too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "12 bytes")]
    [InlineData("""{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}""", 1, "bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807]}}""", 8, "is at bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "is at bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,16]}}""", 8, "more than 2")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""",
        12,
        "overlaps"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""",
        8,
        "overlaps"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}""",
        16,
        "hole"
    )]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "end at byte")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "not a string")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", 0, "twice")]
    [InlineData("""{"a\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "not valid JSON")]
    public void Invalid_header_is_refused_with_the_reason(string header, int buffer, string says)
    {
        var error = Read(File(header, buffer), header);
        Assert.NotNull(error);
        Assert.Equal(ModelFailure.Corrupt, error.Reason);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9UL)]
    [InlineData(100_000_001UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData((ulong)long.MaxValue)]
    [InlineData(0x8000_0000UL)]
    public void Header_with_a_false_length_is_refused(ulong length)
    {
        var bytes = File("""{}""", 0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        Assert.Equal(ModelFailure.Corrupt, Read(bytes, $"{length}")!.Reason);
    }

    [Fact]
    public void Header_bombs_are_refused()
    {
        Assert.NotNull(Read(File("{\"a\":" + new string('[', 1_000_000), 0), "deep lists"));
        Assert.NotNull(
            Read(
                File(
                    "{\"a\":{\"dtype\":\"F32\",\"shape\":["
                        + string.Join(",", Enumerable.Repeat("1", 100_000))
                        + "],\"data_offsets\":[0,4]}}",
                    4
                ),
                "rank"
            )
        );
        Assert.NotNull(
            Read(File("{\"" + new string('a', 1_000_000) + "\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4), "a long name")
        );
        var many = string.Join(
            ",",
            Enumerable
                .Range(0, 100_001)
                .Select(i =>
                    $$"""
                        "{{i}}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}
                        """
                )
        );
        Assert.NotNull(Read(File($"{{{many}}}", 0), "many tensors"));
    }

    [Fact]
    public void Names_in_errors_are_short_and_printable()
    {
        var name = "\\u001b[31m" + new string('x', 3_000);
        var error = Read(File("{\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4), "a rude name")!;
        Assert.DoesNotContain('\u001b', error.Message);
        Assert.True(error.Message.Length < 1_000);
    }

    [Fact]
    public void Missing_file_and_folder_are_refused()
    {
        Assert.Equal(ModelFailure.NotFound, Assert.Throws<ModelException>(() => SafetensorsFile.Open(_folder["nowhere"])).Reason);
        Assert.Equal(ModelFailure.Unreadable, Assert.Throws<ModelException>(() => SafetensorsFile.Open(_folder.Path)).Reason);
        Assert.Equal(ModelFailure.Corrupt, Assert.Throws<ModelException>(() => SafetensorsFile.Open("/dev/null")).Reason);
        for (var length = 0; length < 10; length++)
            Assert.Equal(ModelFailure.Corrupt, Read(new byte[length], $"{length} bytes")!.Reason);
    }

    [Fact]
    public void Pipes_are_refused_without_waiting_on_them()
    {
        foreach (var name in new[] { "model.safetensors", "config.json", "model.pth" })
            System.Diagnostics.Process.Start("mkfifo", _folder[name]).WaitForExit();
        foreach (var path in new[] { _folder.Path, _folder["model.safetensors"], _folder["model.pth"] })
            Assert.NotNull(Bounded.Run(path, 1_000_000, () => Checkpoint.Open(path).Dispose()));
        Assert.NotNull(
            Bounded.Run("import", 1_000_000, () => ModelImport.Run(_folder["model.pth"], _folder["out"], new CheckpointOptions()))
        );
        System.IO.File.Delete(_folder["model.safetensors"]);
        System.IO.File.Copy(Fixture.Path("models", "timm_vit", "model.safetensors"), _folder["model.safetensors"]);
        Assert.Contains(
            "config.json",
            Bounded.Run("config.json", 1_000_000, () => Checkpoint.Open(_folder.Path).Dispose())!.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Tensor_of_a_closed_file_is_not_read()
    {
        System.IO.File.WriteAllBytes(_folder["a.safetensors"], File("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8));
        var file = SafetensorsFile.Open(_folder["a.safetensors"]);
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Tensors["a"].ToFloat32());
    }

    [Fact]
    public void Thousands_of_damaged_files_are_read_or_refused()
    {
        var random = new Random(20260101);
        var good = Good();
        Assert.Null(Read(good, "the undamaged file"));
        var refused = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var (kind, bytes) = Damage(good, random);
            if (Read(bytes, $"mutation {i} ({kind})") is not null)
                refused++;
        }

        // Flips in the tensors' bytes cannot be detected; most others can.
        Assert.InRange(refused, Mutations / 2, Mutations - 1);
    }

    private byte[] Good()
    {
        var random = new Random(1);
        var tensors = new Dictionary<string, WeightTensor>();
        foreach (
            var (name, type, shape) in new (string, DType, long[])[]
            {
                ("cls_token", DType.F32, [1, 1, 8]),
                ("blocks.0.norm1.weight", DType.F16, [8]),
                ("blocks.0.norm1.bias", DType.BF16, [8]),
                ("head.weight", DType.F64, [3, 8]),
                ("steps", DType.I64, []),
                ("mask", DType.Bool, [5]),
                ("empty", DType.F32, [0]),
            }
        )
        {
            var bytes = new byte[shape.Aggregate(1L, (a, b) => a * b) * type.Bits() / 8];
            random.NextBytes(bytes);
            tensors[name] = new MemoryTensor(type, shape, bytes);
        }

        SafetensorsWriter.Write(_folder["good.safetensors"], tensors, new Dictionary<string, string> { ["format"] = "pt" });
        return System.IO.File.ReadAllBytes(_folder["good.safetensors"]);
    }

    private static (string Kind, byte[] Bytes) Damage(byte[] good, Random random)
    {
        var headerLength = (int)BinaryPrimitives.ReadUInt64LittleEndian(good);
        var bytes = (byte[])good.Clone();
        switch (random.Next(7))
        {
            case 0:
                return ("cut off", bytes[..random.Next(bytes.Length)]);
            case 1:
                return ("longer", [.. bytes, .. new byte[random.Next(1, 100)]]);
            case 2:
                for (var flips = random.Next(1, 4); flips > 0; flips--)
                    bytes[8 + random.Next(headerLength)] ^= (byte)(1 << random.Next(8));
                return ("flipped header bits", bytes);
            case 3:
                bytes[random.Next(8)] = (byte)random.Next(256);
                return ("another header length", bytes);
            case 4:
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                return ("one byte", bytes);
            case 5:
                var from = 8 + random.Next(headerLength);
                var length = random.Next(1, 40);
                return ("a piece cut out", [.. bytes[..from], .. bytes[Math.Min(bytes.Length, from + length)..]]);
            default:
                var text = Encoding.UTF8.GetString(good, 8, headerLength);
                var numbers = Regex.Matches(text, "(?<=[\\[,])[0-9]+");
                var chosen = numbers[random.Next(numbers.Count)];
                string[] lies =
                [
                    "0",
                    "-1",
                    "1",
                    "7",
                    "4294967296",
                    "9223372036854775807",
                    "18446744073709551616",
                    "1e3",
                    "0.5",
                    "null",
                    "\"4\"",
                    "[]",
                ];
                var changed = text[..chosen.Index] + lies[random.Next(lies.Length)] + text[(chosen.Index + chosen.Length)..];
                return ("another number", File(changed, good.Length - 8 - headerLength));
        }
    }
}
