using System.CommandLine;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Remote;

/// <summary>Options that name a running agcam. Shared by every command that calls one.</summary>
/// <param name="isOptional">Whether the command runs locally without <c>--url</c>.</param>
internal sealed class RemoteOptions(bool isOptional = false)
{
    public const string UrlVariable = "AGCAM_URL",
        KeyVariable = "AGCAM_API_KEY";
    private const string DefaultUrl = "http://127.0.0.1:8080";

    private readonly Option<string?> _url = new("--url")
    {
        Description = isOptional
            ? "Address of a server: its workers run this instead of this machine."
            : $"Address of the server. Default: {UrlVariable}, else {DefaultUrl}.",
        HelpName = "URL",
    };

    private readonly Option<string?> _apiKey = new("--api-key")
    {
        Description = $"API key. Default: {KeyVariable}, which other users cannot see.",
        HelpName = "KEY",
    };
    private readonly Option<string?> _apiKeyFile = new("--api-key-file") { Description = "File with the API key.", HelpName = "FILE" };

    public void AddTo(Command command)
    {
        command.Options.Add(_url);
        command.Options.Add(_apiKey);
        command.Options.Add(_apiKeyFile);
    }

    /// <summary>Whether the option that names the agcam was given.</summary>
    public bool IsNamed(ParseResult parsed) => parsed.GetValue(_url) is not null;

    /// <summary>Runs with a client. Returns exit code 4 when the server does not answer.</summary>
    public async Task<int> RunAsync(ParseResult parsed, Func<ApiClient, Task<int>> run)
    {
        var text = parsed.GetValue(_url) ?? parsed.Console.Variable(UrlVariable) ?? DefaultUrl;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            throw new UsageException($"{_url.Name} {text} is not an http or https address, e.g. {DefaultUrl}.");
        using var client = new ApiClient(url, ApiKey(parsed));
        try
        {
            return await run(client);
        }
        catch (HttpRequestException unreachable)
        {
            parsed.Console.Error.WriteLine(
                $"agcam: {url} does not answer: {unreachable.Message} Start a server with `agcam serve`, or give {_url.Name}."
            );
            return ExitCode.Unreachable;
        }
    }

    private string? ApiKey(ParseResult parsed)
    {
        if (parsed.GetValue(_apiKeyFile) is not { } file)
            return parsed.GetValue(_apiKey) ?? parsed.Console.Variable(KeyVariable);
        if (parsed.GetValue(_apiKey) is not null)
            throw new UsageException("--api-key and --api-key-file exclude each other: give one.");
        return File.ReadAllText(file).Trim() is { Length: > 0 } key
            ? key
            : throw new UsageException($"--api-key-file {file} is empty: write the key into it.");
    }
}
