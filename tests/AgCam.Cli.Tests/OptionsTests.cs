using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>Tests every option of every verb.</summary>
public class OptionsTests
{
    private static readonly Dictionary<string, string> GoodTexts = new()
    {
        ["--api-key-file"] = "key.txt",
        ["--colormap"] = "turbo",
        ["--correct"] = "false",
        ["--count"] = "120",
        ["--device"] = "cpu",
        ["--dtype"] = "float16",
        ["--format"] = "csv",
        ["--heatmaps"] = "ours=maps.npz",
        ["--label-columns"] = "file,truth",
        ["--listen"] = "http://127.0.0.1:8080",
        ["--mean"] = "0.5,0.5,0.5",
        ["--method"] = "agcam",
        ["--metrics"] = "http://127.0.0.1:9464",
        ["--model"] = "photos=models/vit",
        ["--older-than"] = "30d",
        ["--option"] = "column.path=file",
        ["--save"] = "overlay,strip",
        ["--scope"] = "read",
        ["--shard"] = "2/4",
        ["--sort"] = "labelProbability",
        ["--state"] = "running",
        ["--status"] = "failed",
        ["--std"] = "0.2,0.2,0.2",
        ["--target"] = "top:3",
        ["--top"] = "all",
        ["--bus"] = "amqp://broker/explaining",
        ["--management"] = "http://broker:15672",
        ["--store"] = "mongodb://server",
        ["--url"] = "http://127.0.0.1:8080",
    };

    private static readonly Dictionary<string, string> Arguments = new()
    {
        ["ID"] = "01980000-0000-7000-8000-000000000000",
        ["SHELL"] = "bash",
    };

    public static TheoryData<string, string> Options => Where(_ => true);

    /// <summary>Excludes switches, which have no value.</summary>
    public static TheoryData<string, string> OptionsWithValues => Where(option => option.ValueType != typeof(bool));

    [Fact]
    public void Every_verb_is_tested()
    {
        var verbs = Verbs().Select(verb => verb.Name).ToList();
        Assert.Superset(
            new HashSet<string> { "explain", "evaluate", "jobs list", "jobs items", "jobs failures", "topology verify", "models import" },
            verbs.ToHashSet()
        );
        Assert.True(Options.Count > 200, $"Only {Options.Count} options were found.");
    }

    [Fact]
    public void Help_of_every_verb_ends_with_examples_that_fit_80_columns()
    {
        foreach (var (verb, _) in Verbs().Where(verb => !verb.Command.Hidden))
        {
            var agcam = AgcamCommand.Create();
            HelpWithExamples.AddTo(agcam);
            using var help = new StringWriter();
            agcam.Parse([.. verb.Split(' '), "--help"]).Invoke(new InvocationConfiguration { Output = help });
            var lines = help.ToString().Split('\n').Select(line => line.TrimEnd('\r')).SkipWhile(line => line != "Examples:").ToList();
            Assert.True(lines.Any(line => line.Contains($"agcam {verb}", StringComparison.Ordinal)), $"{verb} has no example.");
            Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
        }
    }

    [Theory]
    [MemberData(nameof(Options))]
    public void Good_value_is_parsed(string verb, string name)
    {
        var (command, option) = Find(verb, name);
        var parsed = Parse([.. Needed(verb, command, option), name, .. Good(option) is { } good ? [good] : Array.Empty<string>()]);
        Assert.Empty(parsed.Errors.Select(error => error.Message));
        Assert.NotNull(Value(parsed, option));
    }

    [Theory]
    [MemberData(nameof(OptionsWithValues))]
    public void Bad_value_is_refused_by_the_options_name(string verb, string name)
    {
        var (command, option) = Find(verb, name);
        // Parsing checks only that a text is present.
        string bad = IsText(option) ? name : $"{name}=no-such-value";
        var parsed = Parse([.. Needed(verb, command, option), bad]);
        Assert.Contains(parsed.Errors, error => error.Message.Contains(name, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("topology verify")]
    [InlineData("topology verify --names-only --management http://broker:15672")]
    [InlineData("topology verify --management broker:15672")]
    [InlineData("topology verify --management amqp://broker")]
    public void Topology_comparison_error_names_the_management_option(string line) =>
        Assert.Contains(Parse(line.Split(' ')).Errors, error => error.Message.Contains("--management", StringComparison.Ordinal));

    [Theory]
    [InlineData("bench --batch 0")]
    [InlineData("bench --rounds 0")]
    [InlineData("bench --threads 0")]
    [InlineData("explain a.jpg --batch 0")]
    [InlineData("explain a.jpg --threshold 2")]
    [InlineData("scenes draw folder --count 0")]
    [InlineData("scenes draw folder --first -1")]
    [InlineData("scenes report --count 0")]
    [InlineData("scenes report --pasted 0")]
    [InlineData("scenes train --out folder --batch 0")]
    [InlineData("scenes train --out folder --steps 0")]
    [InlineData("scenes train --out folder --threads 0")]
    [InlineData("scenes train --out folder --minutes -1")]
    public void Number_out_of_range_is_refused_before_the_run(string line)
    {
        var words = line.Split(' ');
        var expected = $"{words[^2]} {words[^1]} is out of range";
        Assert.Contains(Parse(words).Errors, error => error.Message.Contains(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("explain a.jpg --save both", "--save takes none, overlay, strip or overlay,strip, not \"both\".")]
    [InlineData("explain a.jpg --save 1", "--save takes none, overlay, strip or overlay,strip, not \"1\".")]
    [InlineData("explain a.jpg --save strip,jpg", "--save takes none, overlay, strip or overlay,strip, not \"strip,jpg\".")]
    [InlineData("explain a.jpg --save none,strip", "--save takes none, overlay, strip or overlay,strip, not \"none,strip\".")]
    [InlineData("explain a.jpg --boxes some", "--boxes takes all or largest, not \"some\".")]
    [InlineData("explain a.jpg --batch many", "--batch takes a number from 1 to 4096, not \"many\".")]
    [InlineData("explain a.jpg --dtype int4", "--dtype takes float32, bfloat16 or float16, not \"int4\".")]
    [InlineData("explain a.jpg --crop-mode cut", "--crop-mode takes squash, center or border, not \"cut\".")]
    [InlineData("submit a.jpg --lane fast", "--lane takes bulk or interactive, not \"fast\".")]
    [InlineData("submit a.jpg --weight heavy", "--weight takes a whole number, not \"heavy\".")]
    [InlineData("jobs list --state done", "--state takes running, paused, cancelled or completed, not \"done\".")]
    [InlineData("jobs items 0198c0de --status lost", "--status takes completed or failed, not \"lost\".")]
    [InlineData("jobs items 0198c0de --correct maybe", "--correct takes true or false, not \"maybe\".")]
    [InlineData("jobs items 0198c0de --sort time", "--sort takes number, probability or labelProbability, not \"time\".")]
    [InlineData("jobs export 0198c0de --format xml", "--format takes jsonl, csv, coco or parquet, not \"xml\".")]
    public void Wrong_value_is_answered_once_with_the_values_of_the_option(string line, string expected) =>
        Assert.Equal([expected], Parse(line.Split(' ')).Errors.Select(error => error.Message).Distinct());

    [Theory]
    [InlineData("jobs show 42x")]
    [InlineData("jobs show 0198c0de0")]
    [InlineData("jobs rm nightly")]
    public void Malformed_job_id_is_answered_with_the_form_of_an_id(string line)
    {
        var error = Assert.Single(Parse(line.Split(' ')).Errors).Message;
        Assert.StartsWith($"\"{line.Split(' ')[^1]}\" is not a job's id. An id looks like 0198c0de-", error, StringComparison.Ordinal);
    }

    private static TheoryData<string, string> Where(Func<Option, bool> wanted)
    {
        var data = new TheoryData<string, string>();
        foreach (var (verb, command) in Verbs())
        foreach (var option in OwnOptions(command).Where(wanted))
            data.Add(verb, option.Name);
        return data;
    }

    private static ParseResult Parse(string[] line) => AgcamCommand.Create().Parse(line);

    private static IEnumerable<(string Name, Command Command)> Verbs()
    {
        return Below(AgcamCommand.Create(), "");

        static IEnumerable<(string, Command)> Below(Command command, string path) =>
            command.Subcommands.SelectMany(verb =>
            {
                var name = $"{path} {verb.Name}".Trim();
                return verb.Subcommands.Count == 0 ? [(name, verb)] : Below(verb, name);
            });
    }

    private static IEnumerable<Option> OwnOptions(Command command) => command.Options.Where(option => option is not HelpOption);

    private static (Command Command, Option Option) Find(string verb, string name)
    {
        var command = Verbs().Single(each => each.Name == verb).Command;
        return (command, command.Options.Single(option => option.Name == name));
    }

    /// <summary>Returns the verb's shortest complete command line, without <paramref name="tested"/>.</summary>
    private static IEnumerable<string> Needed(string verb, Command command, Option tested)
    {
        var arguments = command
            .Arguments.Where(argument => argument.Arity.MinimumNumberOfValues > 0)
            .Select(argument => Arguments.GetValueOrDefault(argument.Name, "some/thing"));
        var options = OwnOptions(command)
            .Where(option => option.Required && option.Name != tested.Name)
            .SelectMany(option => new[] { option.Name, Good(option)! });
        string[] choice = verb == "topology verify" && tested.Name is not ("--management" or "--names-only") ? ["--names-only"] : [];
        return [.. verb.Split(' '), .. arguments, .. options, .. choice];
    }

    private static bool IsText(Option option) =>
        option.ValueType == typeof(string) || option.ValueType == typeof(string[]) || option.ValueType == typeof(FileInfo);

    /// <summary>Returns a valid value; null for a switch.</summary>
    private static string? Good(Option option)
    {
        var type = Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
        if (type == typeof(bool))
            return null;
        if (GoodTexts.TryGetValue(option.Name, out var text))
            return text;
        if (type.IsEnum)
            return Enum.GetNames(type)[^1].ToLowerInvariant();
        return IsText(option) ? "something" : "1";
    }

    private static object? Value(ParseResult parsed, Option option)
    {
        // Each command tree has its own option instances.
        var given = parsed.CommandResult.Children.OfType<OptionResult>();
        var result = Assert.Single(given, child => child.Option.Name == option.Name && !child.Implicit);
        return typeof(ParseResult)
            .GetMethods()
            .Single(IsGetValueOfOption)
            .MakeGenericMethod(option.ValueType)
            .Invoke(parsed, [result.Option]);

        static bool IsGetValueOfOption(System.Reflection.MethodInfo method) =>
            method.Name == nameof(ParseResult.GetValue)
            && method.GetParameters()[0].ParameterType.Name.StartsWith("Option", StringComparison.Ordinal);
    }
}
