using AgCam.Api.Doors;
using AgCam.Pipeline;

namespace AgCam.Api;

/// <summary>The API as a process of its own: settings from appsettings.json, the environment (Api__Listen, Pipeline__Store) and the command line.</summary>
public static class ApiProgram
{
    /// <returns>The exit code: 0, or 2 when the configuration must change.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            var builder = WebApplication.CreateBuilder(args);
            var api = builder.Configuration.GetSection(ApiOptions.Section).Get<ApiOptions>() ?? new ApiOptions();
            var pipeline = builder.Configuration.GetSection("Pipeline").Get<PipelineOptions>() ?? new PipelineOptions();
            builder.Services.AddAgCamPipeline(pipeline);
            builder.AddAgCamApi(api);
            await using var app = builder.Build();
            app.MapAgCamApi();
            if (api.Keys.Count == 0)
                app.Logger.LogWarning("No API keys are configured: only programs of this machine may call ({Listen}).", api.Listen);
            await app.RunAsync();
            return 0;
        }
        catch (Exception wrong) when (wrong is ApiConfigurationException or OptionsException)
        {
            await Console.Error.WriteLineAsync($"agcam api: {wrong.Message}");
            return 2;
        }
    }
}
