using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp;

namespace AgCam.Native;

/// <summary>
/// libtorch, loaded into this process. TorchSharp finds a library that is already in the process by its name, so everything is loaded here,
/// by full path and in the order of its needs, before TorchSharp is touched.
/// </summary>
/// <param name="Folder">Where libtorch came from.</param>
/// <param name="Version">libtorch's release as far as it says so, e.g. 2.10.0+cpu.</param>
/// <param name="External">True for a libtorch that AGCAM_LIBTORCH names, false for the one that ships beside the program.</param>
/// <param name="Experimental">True when its release is not the one TorchSharp was built for; provenance records it.</param>
public sealed record NativeBackend(string Folder, string Version, bool External, bool Experimental)
{
    /// <summary>
    /// The folder of an existing libtorch: site-packages/torch/lib of a PyTorch, or the lib folder of a libtorch archive.
    /// </summary>
    public const string FolderVariable = "AGCAM_LIBTORCH";

    /// <summary>Set to 1 to accept another release than <see cref="BuiltFor"/>. No test proves that two builds fit together.</summary>
    public const string ExperimentalVariable = "AGCAM_LIBTORCH_EXPERIMENTAL";

    /// <summary>
    /// The libtorch release that this TorchSharp was compiled against; tensor layout and dispatch keys are baked into it.
    /// </summary>
    public const string BuiltFor = "2.10.0";

    private const string TorchSharpLibrary = "libLibTorchSharp.so";

    // In the order of their needs. A CUDA build has all of them, a CPU build the few without "cuda".
    private static readonly string[] LibTorchFiles = ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"];

    private static readonly Lock Gate = new();
    private static NativeBackend? _loaded;

    /// <summary>Loads libtorch once; later calls return the first one's answer.</summary>
    /// <exception cref="NativeBackendException">It could not be loaded: what was looked for, where, and what to do.</exception>
    public static NativeBackend Load()
    {
        lock (Gate)
            return _loaded ??= Load(Find());
    }

    /// <summary>Where libtorch is and which release, without loading it.</summary>
    /// <exception cref="NativeBackendException">There is none that may be loaded: what was looked for, where, and what to do.</exception>
    public static NativeBackend Find() =>
        Find(Environment.GetEnvironmentVariable(FolderVariable), Environment.GetEnvironmentVariable(ExperimentalVariable) is "1" or "true");

    private static NativeBackend Find(string? external, bool experimental)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            throw new NativeBackendException(
                $"libtorch is brought for linux-x64 only; this is {RuntimeInformation.RuntimeIdentifier}. Run agcam on "
                    + $"linux-x64 or in its container image."
            );

        Require(
            Path.Combine(Shipped, TorchSharpLibrary),
            "the bridge between TorchSharp and libtorch",
            "Publish or build a program that imports src/LibTorch.targets, and keep its libtorch/ folder beside it."
        );

        var folder = string.IsNullOrEmpty(external) ? ShippedLibTorch : LibFolder(external);
        Require(
            Path.Combine(folder, "libtorch_cpu.so"),
            "libtorch itself",
            string.IsNullOrEmpty(external)
                ? "Build again: the libtorch package may not have been restored."
                : $"Point {FolderVariable} at a folder that holds libtorch_cpu.so, such as site-packages/torch/lib."
        );

        var version = string.IsNullOrEmpty(external) ? BuiltFor : ReleaseOf(folder);
        var fits = version.Split('+')[0] == BuiltFor; // not a development build, 2.10.0.dev..., nor a candidate, 2.10.0rc1
        if (!fits && !experimental)
            throw new NativeBackendException(
                $"{FolderVariable}={external} holds libtorch {version}, but TorchSharp {TorchSharpVersion} was built for "
                    + $"{BuiltFor}: another release can load and compute wrongly. "
                    + $"Install PyTorch {BuiltFor}, unset {FolderVariable}, or set {ExperimentalVariable}=1 to try it anyway "
                    + $"(provenance records it)."
            );
        return new NativeBackend(folder, version, !string.IsNullOrEmpty(external), !fits);
    }

    private static string Shipped => Path.Combine(AppContext.BaseDirectory, "libtorch");

    // A build with -p:AgCamCuda=true leaves the CUDA packages' own files where NuGet puts native assets; the bridge lies in libtorch/
    // all the same.
    private static string ShippedLibTorch =>
        Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native") is var assets
        && File.Exists(Path.Combine(assets, "libtorch_cpu.so"))
            ? assets
            : Shipped;

    private static NativeBackend Load(NativeBackend found)
    {
        var folder = found.Folder;
        foreach (var gomp in Directory.EnumerateFiles(folder, "libgomp*.so*"))
            LoadLibrary(gomp);
        foreach (var file in LibTorchFiles.Select(name => Path.Combine(folder, name)).Where(File.Exists))
            LoadLibrary(file);
        var bridge = LoadLibrary(Path.Combine(Shipped, TorchSharpLibrary));
        NativeLibrary.SetDllImportResolver(typeof(torch).Assembly, (name, _, _) => name == "LibTorchSharp" ? bridge : 0);
        torch.InitializeDeviceType(DeviceType.CPU);
        return found;
    }

    public static string TorchSharpVersion { get; } =
        typeof(torch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    private static string LibFolder(string given)
    {
        if (!Directory.Exists(given))
            throw new NativeBackendException(
                $"{FolderVariable}={given} is not a folder. Give the folder that holds libtorch_cpu.so, such as site-packages/torch/lib."
            );
        string[] candidates = [given, Path.Combine(given, "lib"), Path.Combine(given, "torch", "lib")];
        return Path.GetFullPath(candidates.FirstOrDefault(folder => File.Exists(Path.Combine(folder, "libtorch_cpu.so"))) ?? given);
    }

    /// <summary>PyTorch says its release in torch/version.py, a libtorch archive in build-version; both lie one folder above lib.</summary>
    private static string ReleaseOf(string folder)
    {
        var parent = Path.GetDirectoryName(folder)!;
        if (
            Path.Combine(parent, "version.py") is var python
            && File.Exists(python)
            && Regex.Match(File.ReadAllText(python), "__version__ *= *['\"]([^'\"]+)") is { Success: true } match
        )
            return match.Groups[1].Value;
        return Path.Combine(parent, "build-version") is var archive && File.Exists(archive)
            ? File.ReadAllText(archive).Trim()
            : "of unknown release";
    }

    private static nint LoadLibrary(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new NativeBackendException(
                $"{path} does not load: {e.Message.Split('\n')[0].Trim()} "
                    + "Check `ldd` on that file; on a distribution older than Debian 12 or Ubuntu 22.04 run agcam in its container image.",
                e
            );
        }
    }

    private static void Require(string path, string what, string advice)
    {
        if (!File.Exists(path))
            throw new NativeBackendException($"{path} is missing: {what}. {advice}");
    }
}

/// <summary>The native backend cannot be used. The operator must act; the message says how.</summary>
public sealed class NativeBackendException(string message, Exception? inner = null) : Exception(message, inner);
