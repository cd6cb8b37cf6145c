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

namespace AgCam.Tests.Operating;

/// <summary>What can be set: documented, and checked at the start.</summary>
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
    public void The_page_of_all_settings_is_as_new_as_the_options()
    {
        var page = SettingsReference.Page();
        if (Environment.GetEnvironmentVariable("AGCAM_WRITE_DOCS") is "1")
            File.WriteAllText(Repository.PathOf("docs", "configuration.md"), page);
        Assert.Equal(page, Repository.Read("docs", "configuration.md"));
    }

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void A_setting_that_is_out_of_its_range_ends_the_start_and_is_named(string name, string wrong)
    {
        var refused = Assert.Throws<OptionsException>(() => Start(name, wrong));
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Pipeline:ChunkSiez", "8")]
    [InlineData("Worker:Decoder", "8")]
    [InlineData("Api:Retention:Days", "8")]
    [InlineData("Telemetry:Otlp", "x")]
    public void A_setting_that_does_not_exist_ends_the_start_and_is_named(string name, string value)
    {
        var refused = Assert.Throws<OptionsException>(() => Start(name, value));
        Assert.Contains(name.Split(':')[^1], refused.Message, StringComparison.Ordinal);
        Assert.Contains(name.Split(':')[0], refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_setting_of_another_type_is_named_and_its_value_is_not_shown()
    {
        var refused = Assert.Throws<OptionsException>(() => Start("Pipeline:ChunkSize", "hunter2"));
        Assert.Contains("Pipeline:ChunkSize", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>As `agcam serve` does, up to where it would begin to listen.</summary>
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

    /// <summary>A value below the range and one above it; a text that the pattern refuses.</summary>
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
