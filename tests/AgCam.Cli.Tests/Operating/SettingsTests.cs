using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using AgCam.Api;
using AgCam.Pipeline;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace AgCam.Cli.Tests.Operating;

/// <summary>Tests that settings are documented and checked at start.</summary>
public class SettingsTests
{
    public static TheoryData<string, string> OutOfRange { get; } =
        new(
            from section in SettingsReference.Sections
            from setting in SettingsReference.Of(section.Section, section.Type)
            from wrong in Wrong(setting.Property)
            where !setting.Name.Contains(":N", StringComparison.Ordinal)
            select (setting.Name, wrong)
        );

    [Fact]
    public void Configuration_page_matches_the_options()
    {
        var page = SettingsReference.Page();
        if (Environment.GetEnvironmentVariable("AGCAM_WRITE_DOCS") is "1")
            File.WriteAllText(Repository.PathOf("docs", "configuration.md"), page);
        Assert.Equal(page, Repository.Read("docs", "configuration.md"));
    }

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void Setting_out_of_range_stops_the_start_and_is_named(string name, string wrong)
    {
        var refused = Assert.Throws<OptionsException>(() => Start(name, wrong));
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Pipeline:ChunkSiez", "8")]
    [InlineData("Worker:Decoder", "8")]
    [InlineData("Api:Retention:Days", "8")]
    [InlineData("Telemetry:Otlp", "x")]
    public void Unknown_setting_stops_the_start_and_is_named(string name, string value)
    {
        var refused = Assert.Throws<OptionsException>(() => Start(name, value));
        Assert.Contains(name.Split(':')[^1], refused.Message, StringComparison.Ordinal);
        Assert.Contains(name.Split(':')[0], refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Setting_of_another_type_is_named_without_its_value()
    {
        var refused = Assert.Throws<OptionsException>(() => Start("Pipeline:ChunkSize", "hunter2"));
        Assert.Contains("Pipeline:ChunkSize", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Starts the host as `agcam serve` does, without listening.</summary>
    private static void Start(string name, string value)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { [name] = value });
        var (pipeline, worker) = (
            builder.Configuration.Read<PipelineOptions>(PipelineOptions.Section),
            builder.Configuration.Read<WorkerOptions>(WorkerOptions.Section)
        );
        var (api, telemetry) = (
            builder.Configuration.Read<ApiOptions>(ApiOptions.Section),
            builder.Configuration.Read<TelemetryOptions>(TelemetryOptions.Section)
        );
        builder.Services.AddAgCamTelemetry(builder.Configuration, telemetry, "agcam-serve");
        builder.Services.AddAgCamPipeline(pipeline);
        builder.Services.AddAgCamWorker(worker);
        builder.AddAgCamApi(api);
    }

    /// <summary>Returns a value below and one above the range, or a text that does not match the pattern.</summary>
    private static IEnumerable<string> Wrong(PropertyInfo property)
    {
        if (property.GetCustomAttribute<RangeAttribute>() is { } range)
        {
            yield return (Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture) - 1).ToString(
                "0.#####",
                CultureInfo.InvariantCulture
            );
            yield return (Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture) + 1).ToString(
                "0.#####",
                CultureInfo.InvariantCulture
            );
        }
        if (property.GetCustomAttribute<RegularExpressionAttribute>() is not null)
            yield return "NOT_this";
        if (property.GetCustomAttribute<RequiredAttribute>() is not null && property.PropertyType == typeof(string))
            yield return "";
    }
}
