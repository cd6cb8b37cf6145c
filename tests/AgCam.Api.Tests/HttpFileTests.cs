using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace AgCam.Api.Tests;

/// <summary>Runs every request of AgCam.Api.http in order, as editors do.</summary>
public sealed partial class HttpFileTests
{
    [Fact]
    public async Task Every_request_in_the_http_file_succeeds()
    {
        await using var api = await RunningApi.StartAsync();
        api.AddPicture(1, "cat.jpg");
        api.AddPicture(2, "pets/dog.png");
        var text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "src", "AgCam.Api", "AgCam.Api.http"));
        var variables = VariableLine().Matches(text).ToDictionary(line => line.Groups[1].Value, line => line.Groups[2].Value.Trim());
        variables["url"] = api.Client.BaseAddress!.ToString().TrimEnd('/');
        var answers = new Dictionary<string, JsonNode>();
        var requests = text.Split("###")[1..];
        Assert.True(requests.Length >= 8);
        foreach (var written in requests)
        {
            var request = Request(
                Filled(written, variables, answers).Replace("/data", api.Folder, StringComparison.Ordinal),
                Path.Combine(api.Folder, "cat.jpg")
            );
            using var answer = await api.Client.SendAsync(request);
            Assert.True(
                answer.IsSuccessStatusCode,
                $"{request.Method} {request.RequestUri}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}"
            );
            if (NameLine().Match(written) is { Success: true } name)
                answers[name.Groups[1].Value] = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        }
    }

    /// <summary>Replaces {{variable}} and {{name.response.body.$.a.b}} of an earlier response by their values.</summary>
    private static string Filled(string written, Dictionary<string, string> variables, Dictionary<string, JsonNode> answers) =>
        Placeholder()
            .Replace(
                written,
                place =>
                    place.Groups[1].Value.Split(".response.body.$.") is [var request, var path]
                        ? path.Split('.')
                            .Aggregate(
                                answers[request],
                                (node, step) => node[step] ?? throw new InvalidOperationException($"{place.Value}: no {step} in {node}")
                            )
                            .ToString()
                        : variables[place.Groups[1].Value]
            );

    private static HttpRequestMessage Request(string written, string picture)
    {
        var lines = written.Split('\n').Skip(1).SkipWhile(line => line.Length == 0 || line.StartsWith('#')).ToList();
        var (method, address) = lines[0].Trim().Split(' ', 2) is [var m, var a] ? (m, a) : throw new FormatException(lines[0]);
        var request = new HttpRequestMessage(new HttpMethod(method), address);
        var headers = lines
            .Skip(1)
            .TakeWhile(line => line.Trim().Length > 0)
            .Select(line => line.Split(':', 2))
            .ToDictionary(pair => pair[0], pair => pair[1].Trim());
        var body = new MemoryStream();
        foreach (var line in lines.Skip(headers.Count + 2).Reverse().SkipWhile(line => line.Trim().Length == 0).Reverse())
            body.Write(
                line.StartsWith("< ", StringComparison.Ordinal)
                    ? [.. File.ReadAllBytes(picture), .. "\r\n"u8]
                    : Encoding.UTF8.GetBytes(line.TrimEnd('\r') + "\r\n")
            );
        if (headers.Remove("Content-Type", out var type))
            request.Content = new ByteArrayContent(body.ToArray()) { Headers = { ContentType = MediaTypeHeaderValue.Parse(type) } };
        foreach (var (name, value) in headers)
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        return request;
    }

    [GeneratedRegex(@"^@(\w+)\s*=(.*)$", RegexOptions.Multiline)]
    private static partial Regex VariableLine();

    [GeneratedRegex(@"^# @name (\w+)", RegexOptions.Multiline)]
    private static partial Regex NameLine();

    [GeneratedRegex(@"\{\{([^}]+)\}\}")]
    private static partial Regex Placeholder();
}
