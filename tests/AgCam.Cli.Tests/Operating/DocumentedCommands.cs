using System.Text.RegularExpressions;

namespace AgCam.Cli.Tests.Operating;

/// <param name="Where">File and line of the fence.</param>
/// <param name="Script">Text of the fence.</param>
/// <param name="NotRun">Reason why it is not run; null when it is.</param>
/// <param name="ExitCode">Expected exit code, 0 by default.</param>
internal sealed record DocumentedCommand(string Where, string Script, string? NotRun, int ExitCode);

/// <summary>
/// Reads the commands of README.md and docs/*.md: every fence of sh, bash or shell. A comment before a fence is a note:
/// <c>&lt;!-- not run here: REASON --&gt;</c>, <c>&lt;!-- ends with 3 --&gt;</c>.
/// </summary>
internal static partial class DocumentedCommands
{
    private static readonly string[] Starts = ["agcam ", "curl ", "dotnet ", "docker ", "kubectl ", "helm ", "python ", "python3 ", "./"];

    public static IReadOnlyList<string> Pages { get; } =
    [
        "README.md",
        .. Directory
            .GetFiles(Repository.PathOf("docs"), "*.md")
            .Select(file => $"docs/{Path.GetFileName(file)}")
            .Order(StringComparer.Ordinal),
    ];

    public static IReadOnlyList<DocumentedCommand> Of(string page) => Parse(page, Repository.Read(page.Split('/'))).Commands;

    /// <summary>Finds commands outside a fence, which are not run.</summary>
    public static IReadOnlyList<string> LooseIn(string page) => Parse(page, Repository.Read(page.Split('/'))).Loose;

    internal static (IReadOnlyList<DocumentedCommand> Commands, IReadOnlyList<string> Loose) Parse(string page, string text)
    {
        var (commands, loose) = (new List<DocumentedCommand>(), new List<string>());
        var (language, from, script) = ((string?)null, 0, new List<string>());
        string? notRun = null;
        var exitCode = 0;
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            if (Fence().Match(line) is { Success: true } fence)
            {
                if (language is null)
                    (language, from) = (fence.Groups[1].Value, i + 1);
                else
                {
                    if (language is "sh" or "bash" or "shell")
                        commands.Add(new DocumentedCommand($"{page}:{from}", string.Join('\n', script), notRun, exitCode));
                    else if (language is "" or "text" or "console")
                        loose.AddRange(script.Where(IsCommand).Select(command => $"{page}:{from}: {command}"));
                    (language, notRun, exitCode) = (null, null, 0);
                    script.Clear();
                }
            }
            else if (language is not null)
                script.Add(line);
            else if (Note().Match(line) is { Success: true } note)
                (notRun, exitCode) = (
                    note.Groups[1].Success ? note.Groups[1].Value : null,
                    note.Groups[2].Success ? int.Parse(note.Groups[2].Value) : 0
                );
            else if (line.StartsWith("    ", StringComparison.Ordinal) && IsCommand(line))
                loose.Add($"{page}:{i + 1}: {line.Trim()}");
            else if (line.Trim().Length > 0)
                (notRun, exitCode) = (null, 0); // the note belongs to other text
        }
        return language is null
            ? (commands, loose)
            : throw new FormatException($"{page}: the fence that begins in line {from} does not end.");
    }

    private static bool IsCommand(string line) =>
        Starts.Any(start => line.TrimStart().TrimStart('$', ' ').StartsWith(start, StringComparison.Ordinal));

    [GeneratedRegex(@"^\s*```\s*(\w*)\s*$")]
    private static partial Regex Fence();

    [GeneratedRegex(@"^\s*<!-- (?:not run here: (.+)|ends with (\d+)) -->\s*$")]
    private static partial Regex Note();
}
