using System.Text;
using System.Text.RegularExpressions;
using AgCam.Models;
using Xunit;

namespace AgCam.Tests.Models;

public sealed class ConfigHostileTests : IDisposable
{
    private const int Mutations = 1_000;

    private static readonly string[] Lies =
    [
        "0",
        "-1",
        "1",
        "2147483647",
        "-2147483648",
        "9223372036854775808",
        "1e308",
        "-1e-308",
        "0.5",
        "null",
        "\"\"",
        "\"4\"",
        "[]",
        "{}",
        "true",
        "[1,2,3]",
        "\"\\ud800\"",
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("timm_vit", "config.json")]
    [InlineData("timm_registers", "config.json")]
    [InlineData("hf_vit", "config.json")]
    [InlineData("hf_vit", "preprocessor_config.json")]
    public void Thousands_of_damaged_configurations_are_read_or_refused(string name, string part)
    {
        foreach (var path in Directory.GetFiles(Fixture.Path("models", name)))
            File.CreateSymbolicLink(_folder[Path.GetFileName(path)], path);
        var good = File.ReadAllText(Fixture.Path("models", name, part));
        var random = new Random(name.Length + part.Length);
        var refused = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var damaged = Damage(good, random);
            File.Delete(_folder[part]);
            File.WriteAllBytes(_folder[part], damaged);
            if (Bounded.Run($"mutation {i}: {Encoding.UTF8.GetString(damaged)}", 20_000_000, Open) is not null)
                refused++;
        }

        Assert.InRange(refused, Mutations / 10, Mutations - 1);
    }

    private void Open()
    {
        using var checkpoint = Checkpoint.Open(_folder.Path);
        var preprocessing = checkpoint.Preprocessing;
        // An accepted configuration is valid.
        Assert.Equal(0, checkpoint.Config.Width % checkpoint.Config.Heads);
        Assert.InRange(preprocessing.InputHeight, 1, 8_192);
        Assert.InRange(preprocessing.ResizeHeight, 0, 16_384);
        Assert.InRange(preprocessing.ResizeWidth, 0, 16_384);
        Assert.All(preprocessing.Std, value => Assert.True(value > 0 && float.IsFinite(value)));
    }

    private static byte[] Damage(string good, Random random)
    {
        if (random.Next(3) > 0)
        {
            // Replaces a number, string or keyword.
            var values = Regex.Matches(good, "(?<=[:\\[,]\\s*)(-?[0-9][0-9.e+-]*|\"[^\"]*\"|true|false|null)");
            var chosen = values[random.Next(values.Count)];
            return Encoding.UTF8.GetBytes(good[..chosen.Index] + Lies[random.Next(Lies.Length)] + good[(chosen.Index + chosen.Length)..]);
        }

        var bytes = Encoding.UTF8.GetBytes(good);
        if (random.Next(2) == 0)
            return bytes[..random.Next(bytes.Length)];
        bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
        return bytes;
    }
}
