using System.Globalization;
using System.Runtime.InteropServices;
using AgCam.Cli.Remote;
using AgCam.Models;
using AgCam.Models.Hub;
using AgCam.Native;
using TorchSharp;

namespace AgCam.Cli.Doctor;

/// <summary>Problem of this machine, with advice.</summary>
/// <param name="Fatal">Whether it prevents agcam from working.</param>
internal sealed record Problem(string What, string Advice, bool Fatal);

/// <summary>Facts about this machine that matter to agcam.</summary>
/// <param name="Facts">Facts in display order.</param>
internal sealed record Diagnosis(IReadOnlyDictionary<string, string> Facts, IReadOnlyList<Problem> Problems)
{
    private const long LowMemory = 2L << 30;
    private const long LowDisk = 2L << 30;

    /// <summary>Variables whose values are shown. All others may hold a secret.</summary>
    private static readonly string[] Shown =
    [
        NativeBackend.FolderVariable,
        NativeBackend.ExperimentalVariable,
        "AGCAM_DEBUG",
        "AGCAM_FIXTURES",
    ];

    private static readonly string[] Known = [.. Shown, RemoteOptions.UrlVariable, RemoteOptions.KeyVariable];

    /// <summary>Prefixes of variables that only the tests read.</summary>
    private static readonly string[] Others = ["AGCAM_TEST_", "AGCAM_SERVICES_"];

    public bool Ok => !Problems.Any(problem => problem.Fatal);

    public static Diagnosis Make()
    {
        var (facts, problems) = (new Dictionary<string, string>(), new List<Problem>());
        var software = Provenance.Software;
        facts["agcam"] = $"{software.Version}, commit {software.Commit}";
        facts["system"] =
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.RuntimeIdentifier}, {RuntimeInformation.FrameworkDescription}";
        Backend(facts, problems);
        Images(facts, problems);
        Memory(facts, problems);
        Cache(facts, problems);
        Disk(facts, problems, "disk-here", Environment.CurrentDirectory);
        Variables(facts, problems);
        return new Diagnosis(facts, problems);
    }

    private static void Backend(Dictionary<string, string> facts, List<Problem> problems)
    {
        try
        {
            var backend = BackendSelfTestVerb.LoadTrusted();
            facts["backend"] =
                $"libtorch {backend.Version} from {backend.Folder}" + (backend.External ? ", self-test passed" : ", shipped");
            facts["torchsharp"] = NativeBackend.TorchSharpVersion;
            facts["threads"] = $"{torch.get_num_threads()} of {Environment.ProcessorCount} cores";
            var count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
            facts["device"] = count == 0 ? "cpu (no GPU seen)" : $"cuda:0 (auto), {count} GPU(s)";
            if (backend.Experimental)
                problems.Add(
                    new(
                        "This libtorch is not the release that TorchSharp was built for.",
                        $"Results are recorded as experimental; use {NativeBackend.BuiltFor}.",
                        Fatal: false
                    )
                );
            if (count == 0 && Directory.Exists("/proc/driver/nvidia"))
                problems.Add(
                    new(
                        "This machine has an NVIDIA driver, but this libtorch sees no GPU.",
                        $"Build with -p:AgCamCuda=true, or point {NativeBackend.FolderVariable} at a CUDA PyTorch "
                            + $"{NativeBackend.BuiltFor}.",
                        Fatal: false
                    )
                );
        }
        catch (Exception e) when (e is NativeBackendException or DllNotFoundException or TypeInitializationException)
        {
            facts["backend"] = "does not load";
            problems.Add(new(e.Message, "", Fatal: true));
        }
    }

    private static void Images(Dictionary<string, string> facts, List<Problem> problems)
    {
        try
        {
            facts["images"] = $"libvips {NetVips.NetVips.Version(0)}.{NetVips.NetVips.Version(1)}.{NetVips.NetVips.Version(2)}";
        }
        catch (Exception e)
            when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException or TypeInitializationException)
        {
            facts["images"] = "libvips does not load";
            problems.Add(
                new(
                    $"libvips does not load: {e.GetBaseException().Message.Split('\n')[0].Trim()}",
                    "Build or publish again: libvips is part of the program, in runtimes/ or in the program's folder.",
                    Fatal: true
                )
            );
        }
    }

    private static void Memory(Dictionary<string, string> facts, List<Problem> problems)
    {
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes; // respects the limit of a container
        facts["memory"] = Gigabytes(total);
        if (total < LowMemory)
            problems.Add(
                new($"Only {Gigabytes(total)} of memory.", "A ViT-B model takes about 1 GB; give --batch 1, or more memory.", Fatal: false)
            );
    }

    private static void Cache(Dictionary<string, string> facts, List<Problem> problems)
    {
        try
        {
            var hub = HubOptions.FromEnvironment();
            facts["hub"] = hub.ToString();
            var models = new HubCache(hub.CacheFolder).List();
            facts["models"] =
                models.Count == 0 ? "none in the cache" : $"{models.Count} in the cache, {Gigabytes(models.Sum(model => model.Bytes))}";
            foreach (var model in models.Where(model => !model.Complete))
                problems.Add(new($"{model.Repo} is incomplete.", $"`agcam models pull {model.Repo}` downloads the rest.", Fatal: false));
            Disk(facts, problems, "disk-models", hub.CacheFolder);
        }
        catch (ModelException e)
        {
            problems.Add(new(e.Message, "", Fatal: true));
        }
    }

    private static void Disk(Dictionary<string, string> facts, List<Problem> problems, string name, string folder)
    {
        var existing = folder;
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent)
            existing = parent;
        try
        {
            var free = new DriveInfo(existing).AvailableFreeSpace;
            facts[name] = $"{Gigabytes(free)} free at {existing}";
            if (free < LowDisk)
                problems.Add(
                    new(
                        $"Only {Gigabytes(free)} free at {existing}.",
                        "Free some space, or choose another folder (--out, HF_HUB_CACHE).",
                        Fatal: false
                    )
                );
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            facts[name] = $"unknown at {existing}: {e.Message}";
        }
    }

    private static void Variables(Dictionary<string, string> facts, List<Problem> problems)
    {
        var names = Environment
            .GetEnvironmentVariables()
            .Keys.Cast<string>()
            .Where(name => name.StartsWith("AGCAM_", StringComparison.Ordinal));
        foreach (
            var name in names
                .Where(name => !Others.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)))
                .Order(StringComparer.Ordinal)
        )
        {
            facts[name] = Shown.Contains(name) ? Environment.GetEnvironmentVariable(name)! : "set";
            if (!Known.Contains(name))
                problems.Add(
                    new($"{name} is set, but agcam does not know it.", $"Known variables: {string.Join(", ", Known)}.", Fatal: false)
                );
        }
    }

    private static string Gigabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):0.0} GB");
}
