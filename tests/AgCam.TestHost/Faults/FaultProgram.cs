using System.Text;
using AgCam.Heatmaps;
using AgCam.Scenes;

namespace AgCam.TestHost.Faults;

/// <summary>role=faults: makes a fault run and ends with its last line and exit code.</summary>
internal static class FaultProgram
{
    public static async Task<int> RunAsync(Dictionary<string, string> given)
    {
        var options = FaultOptions.Parse(given);
        var log = new FaultLog();
        var folder = Directory.CreateTempSubdirectory("agcam-faults-").FullName;
        try
        {
            log.Say($"making {options.Images} pictures");
            Draw(Path.Combine(folder, "pictures"), options);
            await using var pipeline = new FaultPipeline(options, folder, log);
            await using var run = new FaultRun(options, pipeline, log);
            var job = await run.RunAsync();
            var tally = await new FaultAudit(options, pipeline, log).RunAsync(job);
            Console.WriteLine(tally);
            return tally.Holds ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// Draws unique scenes into folders by class. For the null engine a picture's first bytes and a number are enough.
    /// </summary>
    private static void Draw(string folder, FaultOptions options)
    {
        foreach (var name in SceneClass.Names)
            Directory.CreateDirectory(Path.Combine(folder, name));
        Parallel.For(
            0,
            options.Images,
            index =>
            {
                var path = Path.Combine(folder, SceneClass.Names[index % SceneClass.Count], $"{index:D6}.png");
                if (options.RealModel)
                    PngEncoder.Save(Scene.Draw(seed: 11, index).Image, path);
                else
                    File.WriteAllBytes(
                        path,
                        [0x89, (byte)'P', (byte)'N', (byte)'G', .. Encoding.ASCII.GetBytes($"{index}{new string('.', 2000)}")]
                    );
            }
        );
    }
}
