using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgCam.Api.Tests;

/// <summary>Runs the API on a local port with SQLite, the in-memory bus and a worker with known results.</summary>
public sealed class RunningApi : IAsyncDisposable
{
    private RunningApi(WebApplication app, string folder)
    {
        App = app;
        Folder = folder;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.First()), Timeout = TimeSpan.FromSeconds(60) };
    }

    public WebApplication App { get; }

    /// <summary>Root folder from which images may be read.</summary>
    public string Folder { get; }

    public HttpClient Client { get; }

    public IStore Store => App.Services.GetRequiredService<IStore>();

    public static async Task<RunningApi> StartAsync(
        ApiOptions? options = null,
        bool worker = true,
        Action<WebApplication>? map = null,
        TimeProvider? clock = null,
        Func<PipelineOptions, PipelineOptions>? pipeline = null,
        Action<WebApplicationBuilder>? configure = null,
        Func<WorkerOptions, WorkerOptions>? workerOptions = null,
        string? bus = null,
        IEngineLoader? loader = null,
        string listen = "http://127.0.0.1:0"
    )
    {
        var folder = Directory.CreateTempSubdirectory("agcam-api-").FullName;
        var images = Directory.CreateDirectory(Path.Combine(folder, "images")).FullName;
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = folder });
        builder.Logging.ClearProviders();
        if (clock is not null)
            builder.Services.AddSingleton(clock);
        configure?.Invoke(builder);
        var common = new PipelineOptions
        {
            Store = Path.Combine(folder, "agcam.db"),
            Bus = bus ?? PipelineOptions.InMemory,
            Prefix = $"test-{Guid.NewGuid():N}",
            PollSeconds = 0.02,
            ChunkSize = 4,
            MaxChunkSize = 4,
            Models = new Dictionary<string, string> { ["corner"] = CornerModel(folder) },
            References = new ReferenceOptions { Roots = [images] },
        };
        builder.Services.AddAgCamPipeline(pipeline?.Invoke(common) ?? common);
        if (worker)
        {
            builder.Services.AddSingleton(loader ?? new CornerLoader());
            var working = new WorkerOptions { MaxDelayMilliseconds = 1, DrainSeconds = 1 };
            builder.Services.AddAgCamWorker(workerOptions?.Invoke(working) ?? working);
        }
        builder.AddAgCamApi((options ?? new ApiOptions()) with { Listen = listen });
        var app = builder.Build();
        app.MapAgCamApi();
        map?.Invoke(app);
        await app.StartAsync();
        return new RunningApi(app, images);
    }

    /// <summary>Writes a checkpoint for the catalogue. Its classes include those of <see cref="CornerEngine"/>.</summary>
    private static string CornerModel(string folder)
    {
        var model = Directory.CreateDirectory(Path.Combine(folder, "model")).FullName;
        var source = Repository.Model("timm_vit");
        File.Copy(Path.Combine(source, "model.safetensors"), Path.Combine(model, "model.safetensors"));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!;
        var names = config["pretrained_cfg"]!["label_names"]!.AsArray();
        (names[0], names[1], names[2]) = ("red", "green", "blue");
        File.WriteAllText(Path.Combine(model, "config.json"), config.ToJsonString());
        return model;
    }

    /// <summary>Returns a picture of one colour. The number makes its bytes unique.</summary>
    public static byte[] Picture(int number, int width = 300, int height = 200, byte red = 40, byte green = 60, byte blue = 90)
    {
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i += 3)
            (pixels[i], pixels[i + 1], pixels[i + 2]) = (red, green, blue);
        (pixels[^3], pixels[^2], pixels[^1]) = ((byte)number, (byte)(number >> 8), (byte)(number >> 16));
        return PngEncoder.Encode(new RgbImage(width, height, pixels));
    }

    /// <returns>The path of a new picture below <see cref="Folder"/>.</returns>
    public string AddPicture(int number, string? name = null)
    {
        var path = Path.Combine(Folder, name ?? $"{number}.png");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, Picture(number));
        return path;
    }

    public Task<HttpResponseMessage> SendImageAsync(
        byte[] image,
        string query = "?wait=30",
        string? key = null,
        params (string Name, string Value)[] fields
    )
    {
        var form = new MultipartFormDataContent { { new ByteArrayContent(image), "image", "photo.png" } };
        foreach (var (name, value) in fields)
            form.Add(new StringContent(value), name);
        return SendAsync(HttpMethod.Post, "/v1/explanations" + query, form, key);
    }

    public Task<HttpResponseMessage> SendJsonAsync(string path, JsonNode body, string? key = null) =>
        SendAsync(HttpMethod.Post, path, new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"), key);

    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method,
        string path,
        HttpContent? content = null,
        string? key = null,
        string? apiKey = null,
        string? etag = null
    )
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        if (apiKey is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
        if (etag is not null)
            request.Headers.TryAddWithoutValidation("If-None-Match", etag);
        return await Client.SendAsync(request);
    }

    public async Task<JsonNode> GetAsync(string path) => await JsonAsync(await Client.GetAsync(path), 200);

    /// <summary>Sends an image and returns its result.</summary>
    public async Task<JsonNode> ExplainAsync(byte[] image, params (string Name, string Value)[] fields) =>
        await JsonAsync(await SendImageAsync(image, fields: fields), 200);

    public static async Task<JsonNode> JsonAsync(HttpResponseMessage answer, int status)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == status, $"{(int)answer.StatusCode} where {status} was expected: {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>Asserts that the response is a problem with this code, a detail and a next step.</summary>
    public static async Task<JsonNode> RefusedAsync(HttpResponseMessage answer, int status, string code)
    {
        var problem = await JsonAsync(answer, status);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal(code, (string?)problem["code"]);
        Assert.Equal(status, (int)problem["status"]!);
        Assert.NotEmpty((string)problem["detail"]!);
        Assert.NotEmpty((string)problem["next"]!);
        return problem;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.StopAsync();
        await App.DisposeAsync();
        Directory.Delete(Path.GetDirectoryName(Folder)!, recursive: true);
    }
}

/// <summary>One API for all tests of a class. Each test uses its own pictures.</summary>
public sealed class SharedApi : IAsyncLifetime
{
    public RunningApi Api { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Api = await RunningApi.StartAsync();

    public ValueTask DisposeAsync() => Api.DisposeAsync();
}
