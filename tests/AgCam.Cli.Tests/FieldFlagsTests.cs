using System.CommandLine;
using System.Reflection;
using AgCam.Cli.Options;
using AgCam.Evaluation.Datasets;
using AgCam.Images;
using AgCam.Models;
using Xunit;

namespace AgCam.Cli.Tests;

public class FieldFlagsTests
{
    public static TheoryData<string, string> Names
    {
        get
        {
            var names = new TheoryData<string, string>();
            foreach (var (name, flag) in FieldFlags.All)
                names.Add(name, flag);
            return names;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Field_of_the_library_and_option_of_the_command_exist(string field, string flag)
    {
        Assert.Contains(flag, Flags(AgcamCommand.Create()));
        if (field.Contains(':', StringComparison.Ordinal))
        {
            var path = field.Split(':')[1..];
            path.Aggregate(typeof(AgCam.Pipeline.PipelineOptions), (type, name) => Property(type, name).PropertyType);
            return;
        }

        var (owner, member) = (field.Split('.')[0], field.Split('.')[1]);
        var type = new[] { typeof(Checkpoint), typeof(ImageLimits), typeof(Dataset) }
            .SelectMany(known => known.Assembly.GetTypes())
            .First(known => known.Name == owner);
        if (member.Split('(', ')') is [var method, var parameter, ""])
            Assert.Contains(type.GetMethods(), known => known.Name == method && known.GetParameters().Any(p => p.Name == parameter));
        else
            Property(type, member);
    }

    [Fact]
    public void Error_of_the_library_names_the_field_and_the_command_names_the_option()
    {
        using var folder = SomeImages.Folder(1);
        var library = Assert.Throws<ImageException>(() =>
            ImageDecoder.Decode(File.ReadAllBytes(folder["000.png"]), new ImageLimits { MaxPixels = 100 })
        );
        Assert.Contains("ImageLimits.MaxPixels", library.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("--", library.Message, StringComparison.Ordinal);

        string[] arguments = ["explain", folder["000.png"], "--model", SomeImages.Model, "--max-pixels", "100"];
        foreach (var outcome in new[] { Agcam.Run(arguments), Agcam.Run([.. arguments, "--json"]) })
        {
            Assert.Contains("--max-pixels", outcome.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("ImageLimits", outcome.Output, StringComparison.Ordinal);
        }
    }

    private static PropertyInfo Property(Type type, string name) =>
        type.GetProperty(name) ?? throw new MissingMemberException(type.Name, name);

    private static IEnumerable<string> Flags(Command command) =>
        command.Options.Select(option => option.Name).Concat(command.Subcommands.SelectMany(Flags));
}
