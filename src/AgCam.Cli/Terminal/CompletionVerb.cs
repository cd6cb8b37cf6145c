using System.CommandLine;

namespace AgCam.Cli.Terminal;

/// <summary>agcam completion SHELL: prints a completion script, which asks agcam for candidates.</summary>
internal static class CompletionVerb
{
    // The [suggest:POSITION] directive answers with one candidate a line.
    private const string Bash = """
        _agcam() {
            local word="${COMP_WORDS[COMP_CWORD]}" candidates
            candidates="$("${COMP_WORDS[0]}" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)"
            local IFS=$'\n'
            COMPREPLY=($(compgen -W "${candidates}" -- "${word}"))
            [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "${word}"))
        }
        complete -o filenames -F _agcam agcam

        """;

    private const string Zsh = """
        #compdef agcam
        _agcam() {
            local -a candidates
            candidates=(${(f)"$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)"})
            compadd -a candidates
            _files
        }
        compdef _agcam agcam

        """;

    private const string Fish = """
        function __agcam_complete
            set -l line (commandline -cp)
            agcam "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c agcam -a "(__agcam_complete)"

        """;

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Prints a script for tab completion.") { shell };
        command.SetAction(parsed =>
        {
            parsed.Console.Output.Write(
                parsed.GetValue(shell) switch
                {
                    "bash" => Bash,
                    "zsh" => Zsh,
                    _ => Fish,
                }
            );
            return ExitCode.Success;
        });
        return command.WithExamples(
            new("bash, for this session", "source <(agcam completion bash)"),
            new("zsh, for good", "agcam completion zsh > \"${fpath[1]}/_agcam\""),
            new("fish, for good", "agcam completion fish > ~/.config/fish/completions/agcam.fish")
        );
    }
}
