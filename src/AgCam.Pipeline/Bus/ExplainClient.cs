using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Pipeline.Bus;

/// <summary>How a producer reaches the pipeline.</summary>
public sealed record ExplainClientOptions
{
    /// <summary>amqp:// (amqps://) and the broker.</summary>
    [Required]
    public required string Bus { get; init; }

    /// <summary>See <see cref="PipelineOptions.Prefix"/>.</summary>
    public string Prefix { get; init; } = "explain";

    /// <summary>Images in one request. Default 64.</summary>
    [Range(1, ExplainImages.MaxReferences)]
    public int BatchSize { get; init; } = 64;

    /// <summary>Requests that wait for their confirm at the same time. Default 16.</summary>
    [Range(1, 1024)]
    public int InFlight { get; init; } = 16;

    /// <inheritdoc cref="PipelineOptions.ConfirmSeconds"/>
    [Range(0.1, 600)]
    public double ConfirmSeconds { get; init; } = 15;
}

/// <summary>
/// For .NET services that have images to explain and no job: many images become requests of a batch each, every one confirmed by the
/// broker. Register with
/// <see cref="ExplainClientRegistration.AddExplainClient"/>; needs the broker only, no store.
/// </summary>
public sealed class ExplainClient(IExplainBus bus, ExplainClientOptions options)
{
    /// <summary>
    /// Sends the images, at most <see cref="ExplainClientOptions.InFlight"/> requests at a time; the source is read no faster than
    /// that.
    /// </summary>
    /// <param name="request">What to do with all of them. Its key names the whole: batch n goes out under "key/n", so sending the same
    /// images under the same key again is safe.</param>
    /// <param name="images">Numbered by the client, from 0.</param>
    /// <returns>One receipt for each batch that the broker has confirmed, as they are confirmed.</returns>
    /// <exception cref="InvalidMessageException">A request breaks a rule. What was confirmed before stays so.</exception>
    /// <exception cref="BusException">A request could not be confirmed: send all again under the same key.</exception>
    public async IAsyncEnumerable<ExplainReceipt> SendAsync(
        ExplainImages request,
        IAsyncEnumerable<ImageReference> images,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        var flying = new Queue<Task<ExplainReceipt>>();
        var (number, batch) = (0, 0);
        var references = new List<ImageReference>(options.BatchSize);
        await foreach (var image in images.WithCancellation(cancellationToken))
        {
            references.Add(image with { Number = number++ });
            if (references.Count < options.BatchSize)
                continue;
            flying.Enqueue(SendAsync(request, batch++, [.. references], cancellationToken));
            references.Clear();
            if (flying.Count == options.InFlight)
                yield return await flying.Dequeue();
        }
        if (references.Count > 0)
            flying.Enqueue(SendAsync(request, batch, [.. references], cancellationToken));
        while (flying.TryDequeue(out var sending))
            yield return await sending;
    }

    private async Task<ExplainReceipt> SendAsync(
        ExplainImages request,
        int batch,
        IReadOnlyList<ImageReference> references,
        CancellationToken cancellationToken
    )
    {
        var part = request with { Key = $"{request.Key}/{batch}", JobId = null, Chunk = 0, PublishCount = 0, References = references };
        await bus.PublishAsync(part, cancellationToken);
        return new ExplainReceipt(part.Key, part.Owner, references[0].Number, references.Count);
    }
}

/// <summary>A batch is accepted: from here on every one of its images ends in a stored record.</summary>
/// <param name="Owner">Under which the items are found.</param>
/// <param name="First">Number of its first image.</param>
public sealed record ExplainReceipt(string Key, Guid Owner, int First, int Count);

public static class ExplainClientRegistration
{
    /// <summary><see cref="ExplainClient"/> and <see cref="IExplainBus"/>, ready when the host has started.</summary>
    /// <exception cref="OptionsException">An option is out of its range.</exception>
    public static IServiceCollection AddExplainClient(this IServiceCollection services, ExplainClientOptions options)
    {
        OptionsException.ThrowIfInvalid(options, nameof(ExplainClientOptions));
        var pipeline = new PipelineOptions
        {
            Bus = options.Bus,
            Prefix = options.Prefix,
            ConfirmSeconds = options.ConfirmSeconds,
            RunJobs = false,
        };
        OptionsException.ThrowIfInvalid(pipeline, nameof(ExplainClientOptions));
        if (pipeline.IsInMemory)
            throw new OptionsException("A client needs a broker: give its amqp:// address.");
        services.AddPipelineTelemetry();
        services.AddSingleton(options);
        services.AddSingleton(pipeline);
        services.AddExplainBus(pipeline);
        services.AddSingleton<ExplainClient>();
        return services;
    }
}
