using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;

namespace AgCam.Cli;

/// <summary>Adds examples to the end of --help.</summary>
internal static class HelpWithExamples
{
    private const int Width = 80;

    private static readonly ConditionalWeakTable<Command, Example[]> Examples = [];

    public static T WithExamples<T>(this T command, params Example[] examples)
        where T : Command
    {
        Examples.Add(command, examples);
        return command;
    }

    public static void AddTo(RootCommand root)
    {
        foreach (var help in root.Options.OfType<HelpOption>())
            if (help.Action is HelpAction standard)
                help.Action = new ExamplesAction(standard);
    }

    /// <summary>Breaks a command line before its options, as a shell accepts it.</summary>
    private static string Wrapped(string line)
    {
        var (text, length) = (new StringBuilder("  "), 2);
        foreach (var part in Regex.Split(line, " (?=--|[|>] )"))
        {
            // The line may have to end in " \".
            if (length > 2 && length + 1 + part.Length > Width - 2)
            {
                text.Append(" \\\n    ");
                length = 4;
            }
            else if (length > 2)
            {
                text.Append(' ');
                length++;
            }
            text.Append(part);
            length += part.Length;
        }

        return text.ToString();
    }

    private sealed class ExamplesAction(HelpAction standard) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parsed)
        {
            var result = standard.Invoke(parsed);
            if (!Examples.TryGetValue(parsed.CommandResult.Command, out var examples))
                return result;
            var output = parsed.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (var example in examples)
            {
                output.WriteLine($"  # {example.Aim}");
                output.WriteLine(Wrapped(example.Line));
            }

            output.WriteLine();
            return result;
        }
    }
}

internal readonly record struct Example(string Aim, string Line);
