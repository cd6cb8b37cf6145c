using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace AgCam.TestHost.Faults;

/// <summary>
/// Repeats requests, and sends others under the same Idempotency-Keys. A repeated request returns the first result, any other is refused,
/// and neither adds an image to the job or the request.
/// </summary>
internal sealed class KeyReuse(FaultPipeline pipeline, HttpClient http, FaultLog log, string jobKey, Guid job)
{
    private const string RequestKey = "one image, beside the job";

    private Guid _request;

    private readonly string _image = Directory
        .EnumerateFiles(pipeline.Pictures, "*.png", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal)
        .First();

    private object OneImage =>
        new
        {
            uri = _image,
            model = Roles.Model,
            targets = FaultRun.Targets,
        };

    private object WholeFolder =>
        new
        {
            source = $"classes:{pipeline.Pictures}",
            model = Roles.Model,
            targets = FaultRun.Targets,
        };

    /// <summary>Request for one image of the job.</summary>
    public async Task RequestAsync(HostProcess api)
    {
        var (status, body) = await PostAsync(api, "/v1/explanations", OneImage, RequestKey);
        if (status is not (HttpStatusCode.OK or HttpStatusCode.Accepted))
            throw new InvalidOperationException($"The request was refused: {body}");
        _request = (Guid)JsonNode.Parse(body)!["id"]!;
    }

    public async Task ReuseAsync(HostProcess api)
    {
        await IsSameAsync(api, "/v1/explanations", OneImage, RequestKey, _request);
        await IsSameAsync(api, "/v1/jobs", WholeFolder, jobKey, job);
        await IsRefusedAsync(
            api,
            "/v1/jobs",
            new
            {
                source = $"folder:{pipeline.Pictures}",
                model = Roles.Model,
                targets = FaultRun.Targets,
            },
            jobKey
        );
        await IsRefusedAsync(api, "/v1/explanations", OneImage, jobKey);
        await IsRefusedAsync(api, "/v1/jobs", WholeFolder, RequestKey);
    }

    /// <returns>The finished request.</returns>
    public async Task<Guid> ResultAsync(HostProcess api)
    {
        var shown = await http.GetFromJsonAsync<JsonNode>(new Uri(api.Address, $"/v1/requests/{_request}?wait=30"));
        if ((string?)shown!["state"] != "Completed")
            log.IsUnexpected($"the request for one image is {shown.ToJsonString()}");
        return _request;
    }

    private async Task IsSameAsync(HostProcess api, string path, object body, string key, Guid expected)
    {
        var (status, answer) = await PostAsync(api, path, body, key);
        if ((int)status is < 200 or >= 300 || (Guid)JsonNode.Parse(answer)!["id"]! != expected)
            log.IsUnexpected($"{path} again under \"{key}\" answers {(int)status}: {answer}");
    }

    private async Task IsRefusedAsync(HostProcess api, string path, object body, string key)
    {
        var (status, answer) = await PostAsync(api, path, body, key);
        if (status != HttpStatusCode.Conflict)
            log.IsUnexpected($"{path} with another body under \"{key}\" answers {(int)status}: {answer}");
    }

    private async Task<(HttpStatusCode Status, string Body)> PostAsync(HostProcess api, string path, object body, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(api.Address, path)) { Content = JsonContent.Create(body) };
        request.Headers.Add("Idempotency-Key", key);
        using var answer = await http.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
