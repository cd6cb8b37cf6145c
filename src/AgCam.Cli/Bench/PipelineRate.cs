using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AgCam.Cli.Serving;
using AgCam.Evaluation.Metrics;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace AgCam.Cli.Bench;

/// <summary>
/// Measures the cost of the pipeline without a model: jobs of real files are read, hashed, planned, published, leased and stored, with the
/// null engine. Values are medians of the rounds.
/// </summary>
/// <param name="Transport">memory or rabbitmq.</param>
/// <param name="Images">Images per round.</param>
/// <param name="ImagesPerSecond">Rate from a job's creation to its completion.</param>
/// <param name="BareImagesPerSecond">Rate of only inserting the same documents again, after each job, into tables of the same size with
/// the same indexes.</param>
/// <param name="OfBare">Median of the rounds' ratios of the two rates.</param>
/// <param name="CpuMicrosecondsPerImage">CPU time of this process, which is planner, publisher and worker, without broker and database
/// server.</param>
internal sealed partial record PipelineRate(
    string Transport,
    string Store,
    int Images,
    int Rounds,
    double ImagesPerSecond,
    double BareImagesPerSecond,
    double OfBare,
    double CpuMicrosecondsPerImage
)
{
    /// <param name="scratch">Empty database, which is filled.</param>
    /// <param name="images">Images per round. Files of about 4 KB are written below the temporary folder and deleted. Twice as many, at
    /// most 40,000, warm up before.</param>
    public static async Task<PipelineRate> MeasureAsync(
        Scratch scratch,
        int images,
        int rounds,
        CancellationToken cancellationToken = default
    )
    {
        var folder = Directory.CreateTempSubdirectory("agcam-bench").FullName;
        try
        {
            string[] folders =
            [
                Write(Path.Combine(folder, "warm"), Math.Min(2 * images, 40_000)),
                .. Enumerable.Range(0, rounds).Select(round => Write(Path.Combine(folder, $"{round}"), images)),
            ];
            if (OperatingSystem.IsLinux())
                WriteAllToDisk(); // else the kernel does it later, while the stores wait for the same disk
            var options = scratch.Options with { References = new ReferenceOptions { Roots = [folder] } };
            await using var host = LocalHost.Build(services =>
            {
                services.AddAgCamPipeline(options);
                services.AddSingleton<IEngineLoader, NullLoader>();
                services.AddAgCamWorker(new WorkerOptions());
            });
            await host.StartAsync(cancellationToken);
            var store = host.Services.GetRequiredService<IStore>();
            var measured = new List<(double Rate, double Bare, double Cpu)>();
            await using (var bare = await StoreRate.OpenAsync(store, scratch, cancellationToken))
                foreach (var item in folders)
                {
                    var before = Process.GetCurrentProcess().TotalProcessorTime;
                    var job = await RunAsync(host.Services, NullEngine.Pin, item, cancellationToken: cancellationToken);
                    var cpu = Process.GetCurrentProcess().TotalProcessorTime - before;
                    measured.Add(
                        (images / Seconds(job), await bare.InsertAgainAsync(job.Id, cancellationToken), cpu.TotalMicroseconds / images)
                    );
                }
            measured.RemoveAt(0); // it warmed up
            return new PipelineRate(
                options.Bus == PipelineOptions.InMemory ? "memory" : "rabbitmq",
                store.Kind,
                images,
                rounds,
                Median.Of(measured.Select(item => item.Rate)),
                Median.Of(measured.Select(item => item.Bare)),
                Median.Of(measured.Select(item => item.Rate / item.Bare)),
                Median.Of(measured.Select(item => item.Cpu))
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Runs a job over a folder from its creation to its completion.</summary>
    /// <param name="services">Services of a started host.</param>
    /// <param name="embedding"><see cref="JobSpec.Embedding"/></param>
    /// <returns>The completed job.</returns>
    /// <exception cref="InvalidOperationException">The job was paused, or its numbers are not those of its records.</exception>
    public static async Task<Job> RunAsync(
        IServiceProvider services,
        ModelPin model,
        string folder,
        bool embedding = true,
        CancellationToken cancellationToken = default
    )
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken,
            services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping
        );
        cancellationToken = ended.Token; // SIGTERM stops the host, so the job would never end
        var store = services.GetRequiredService<IStore>();
        var spec = new JobSpec
        {
            Source = $"folder:{folder}",
            Model = model,
            Embedding = embedding,
        };
        var job = (await store.Jobs.CreateAsync(spec, cancellationToken: cancellationToken)).Job;
        services.GetRequiredService<JobSignal>().Changed();
        while (job.State != JobState.Completed)
        {
            await Task.Delay(200, cancellationToken);
            job = (await store.Jobs.FindAsync(job.Id, cancellationToken))!;
            if (job.State == JobState.Paused)
                throw new InvalidOperationException($"The measurement is void: {job.Reason}");
        }
        if (job.Progress.Completed != job.Images || job.Progress != await store.Items.RecountAsync(job.Id, cancellationToken))
            throw new InvalidOperationException("The measurement is void: not every image has its record.");
        return job;
    }

    /// <summary>
    /// From a job's creation to its completion as the store has them: asking how far it is takes little from what is measured.
    /// </summary>
    public static double Seconds(Job job) => (job.Finished!.Value - job.Created).TotalSeconds;

    /// <summary>Writes files with a PNG's first bytes and random bytes into a hundred folders, like a real dataset.</summary>
    /// <returns><paramref name="folder"/>.</returns>
    public static string Write(string folder, int images)
    {
        Span<byte> bytes = stackalloc byte[4096];
        for (var i = 0; i < images; i++)
        {
            if (i < 100)
                Directory.CreateDirectory(Path.Combine(folder, $"{i:00}"));
            RandomNumberGenerator.Fill(bytes);
            (bytes[0], bytes[1], bytes[2], bytes[3]) = (0x89, (byte)'P', (byte)'N', (byte)'G');
            File.WriteAllBytes(Path.Combine(folder, $"{i % 100:00}", $"{i}.png"), bytes);
        }
        return folder;
    }

    [LibraryImport("libc", EntryPoint = "sync")]
    private static partial void WriteAllToDisk();
}
