using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace AgCam.Cli;

/// <summary>Adds examples to the end of --help.</summary>
internal static class HelpWithExamples
{
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
                output.WriteLine($"  {example.Line}");
            }

            output.WriteLine();
            return result;
        }
    }
}

internal readonly record struct Example(string Aim, string Line);
