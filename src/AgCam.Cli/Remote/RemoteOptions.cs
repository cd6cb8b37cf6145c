using System.CommandLine;

namespace AgCam.Cli.Remote;

/// <summary>Which running agcam is meant. Shared by every verb that talks to one.</summary>
internal sealed class RemoteOptions
{
    public const string UrlVariable = "AGCAM_URL", KeyVariable = "AGCAM_API_KEY";
    private const string DefaultUrl = "http://127.0.0.1:8080";

    private readonly Option<string?> _url = new("--url") { Description = $"The running agcam. Default: {UrlVariable}, else {DefaultUrl}.", HelpName = "URL" };
    private readonly Option<string?> _apiKey = new("--api-key") { Description = $"Default: {KeyVariable}, which does not show up in the list of processes.", HelpName = "KEY" };

    public void AddTo(Command command)
    {
        command.Options.Add(_url);
        command.Options.Add(_apiKey);
    }

    /// <summary>Runs with a client; nobody answering is exit 4.</summary>
    public async Task<int> Run(ParseResult parsed, Func<ApiClient, Task<int>> run)
    {
        var text = parsed.GetValue(_url) ?? Environment.GetEnvironmentVariable(UrlVariable) ?? DefaultUrl;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            throw new UsageException($"--url {text} is not an http or https address, e.g. {DefaultUrl}.");
        using var client = new ApiClient(url, parsed.GetValue(_apiKey) ?? Environment.GetEnvironmentVariable(KeyVariable));
        try
        {
            return await run(client);
        }
        catch (HttpRequestException unreachable)
        {
            Console.Error.WriteLine($"agcam: {url} does not answer: {unreachable.Message} Start one with `agcam serve`, or give --url.");
            return ExitCode.Unreachable;
        }
    }
}
