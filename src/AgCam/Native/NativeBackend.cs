using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp;

namespace AgCam.Native;

/// <summary>
/// Loads libtorch into this process. TorchSharp finds loaded libraries by name, so they are loaded by full path, in the order of their
/// dependencies, before its first use.
/// </summary>
/// <param name="Folder">Folder of libtorch.</param>
/// <param name="Version">Release of libtorch if known, e.g. 2.10.0+cpu.</param>
/// <param name="External">True for the libtorch in AGCAM_LIBTORCH, false for the shipped one.</param>
/// <param name="Experimental">True when TorchSharp was built for another release; provenance records it.</param>
public sealed record NativeBackend(string Folder, string Version, bool External, bool Experimental)
{
    /// <summary>
    /// Variable with the folder of an existing libtorch: PyTorch's site-packages/torch/lib, or lib of a libtorch archive.
    /// </summary>
    public const string FolderVariable = "AGCAM_LIBTORCH";

    /// <summary>
    /// Variable that, set to 1, accepts a release other than <see cref="BuiltFor"/>. No test proves that two builds are compatible.
    /// </summary>
    public const string ExperimentalVariable = "AGCAM_LIBTORCH_EXPERIMENTAL";

    /// <summary>
    /// libtorch release that this TorchSharp was compiled for; it depends on that release's tensor layout and dispatch keys.
    /// </summary>
    public const string BuiltFor = "2.10.0";

    private const string TorchSharpLibrary = "libLibTorchSharp.so";

    // In the order of their dependencies. A CPU build has no files with "cuda".
    private static readonly string[] LibTorchFiles = ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"];

    private static readonly Lock Gate = new();
    private static NativeBackend? _loaded;

    /// <summary>Loads libtorch once; later calls return the first result.</summary>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public static NativeBackend Load()
    {
        lock (Gate)
            return _loaded ??= Load(Find());
    }

    /// <summary>Finds libtorch and its release without loading it.</summary>
    /// <exception cref="NativeBackendException">There is no libtorch that may be loaded.</exception>
    public static NativeBackend Find() =>
        Find(Environment.GetEnvironmentVariable(FolderVariable), Environment.GetEnvironmentVariable(ExperimentalVariable) is "1" or "true");

    private static NativeBackend Find(string? external, bool experimental)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            throw new NativeBackendException(
                $"agcam has libtorch for linux-x64 only; this is {RuntimeInformation.RuntimeIdentifier}. "
                    + "Run agcam on linux-x64 or in its container image."
            );

        Require(
            Path.Combine(Shipped, TorchSharpLibrary),
            "the bridge between TorchSharp and libtorch",
            "Build a program that imports src/LibTorch.targets, and keep its libtorch/ folder beside it."
        );

        var folder = string.IsNullOrEmpty(external) ? ShippedLibTorch : LibFolder(external);
        Require(
            Path.Combine(folder, "libtorch_cpu.so"),
            "libtorch itself",
            string.IsNullOrEmpty(external)
                ? "Restore the libtorch package and build again."
                : $"Set {FolderVariable} to a folder with libtorch_cpu.so, e.g. site-packages/torch/lib."
        );

        var version = string.IsNullOrEmpty(external) ? BuiltFor : ReleaseOf(folder);
        var fits = version.Split('+')[0] == BuiltFor; // excludes development builds (2.10.0.dev...) and release candidates (2.10.0rc1)
        if (!fits && !experimental)
            throw new NativeBackendException(
                $"{FolderVariable}={external} holds libtorch {version}, but TorchSharp {TorchSharpVersion} was built for "
                    + $"{BuiltFor}: another release can load and compute wrong results. "
                    + $"Install PyTorch {BuiltFor}, unset {FolderVariable}, or set {ExperimentalVariable}=1 to use it anyway "
                    + "(provenance records it)."
            );
        return new NativeBackend(folder, version, !string.IsNullOrEmpty(external), !fits);
    }

    private static string Shipped => Path.Combine(AppContext.BaseDirectory, "libtorch");

    // A build with -p:AgCamCuda=true has the CUDA files in NuGet's folder of native assets, but the bridge in libtorch/.
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
        TurnOffNnpack(folder);
        return found;
    }

    /// <summary>
    /// Disables NNPACK, a convolution library that does not know many CPUs: libtorch then writes a warning to stderr at each float16 or
    /// float64 convolution. TorchSharp has no binding for it.
    /// </summary>
    private static unsafe void TurnOffNnpack(string folder)
    {
        var torchCpu = LoadLibrary(Path.Combine(folder, "libtorch_cpu.so")); // loaded already
        if (
            NativeLibrary.TryGetExport(torchCpu, "_ZN2at13globalContextEv", out var globalContext)
            && NativeLibrary.TryGetExport(torchCpu, "_ZN2at7Context20setUserEnabledNNPACKEb", out var setUserEnabledNnpack)
        )
            ((delegate* unmanaged<nint, byte, void>)setUserEnabledNnpack)(((delegate* unmanaged<nint>)globalContext)(), 0);
    }

    /// <summary>
    /// Lets MKL compute small products on fewer threads, as at the start of a process. libtorch forbids it whenever the number of threads
    /// is set. Threads that wait for one another at every small product use several times the CPU.
    /// </summary>
    internal static unsafe void LetMklChooseThreads()
    {
        if (MklSetDynamic.Value is not 0 and var setDynamic)
            ((delegate* unmanaged<int, void>)setDynamic)(1);
    }

    private static readonly Lazy<nint> MklSetDynamic = new(() =>
        NativeLibrary.TryGetExport(LoadLibrary(Path.Combine(Load().Folder, "libtorch_cpu.so")), "MKL_Set_Dynamic", out var function)
            ? function
            : 0
    );

    public static string TorchSharpVersion { get; } =
        typeof(torch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    private static string LibFolder(string given)
    {
        if (!Directory.Exists(given))
            throw new NativeBackendException(
                $"{FolderVariable}={given} is not a folder. Give a folder with libtorch_cpu.so, e.g. site-packages/torch/lib."
            );
        string[] candidates = [given, Path.Combine(given, "lib"), Path.Combine(given, "torch", "lib")];
        return Path.GetFullPath(candidates.FirstOrDefault(folder => File.Exists(Path.Combine(folder, "libtorch_cpu.so"))) ?? given);
    }

    /// <summary>Reads the release from PyTorch's torch/version.py or a libtorch archive's build-version, one folder above lib.</summary>
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
                    + "Check that file with `ldd`. "
                    + "On a distribution older than Debian 12 or Ubuntu 22.04, run agcam in its container image.",
                e
            );
        }
    }

    private static void Require(string path, string description, string nextStep)
    {
        if (!File.Exists(path))
            throw new NativeBackendException($"{path} is missing: {description}. {nextStep}");
    }
}

/// <summary>Reports that the native backend cannot be used. The message tells the operator the next step.</summary>
public sealed class NativeBackendException(string message, Exception? inner = null) : Exception(message, inner);
