using System.Globalization;
using System.Runtime.InteropServices;
using AgCam.Native;
using TorchSharp;

namespace AgCam;

/// <summary>
/// Finds the device of the computation: <c>auto</c> (the first GPU, otherwise the CPU), <c>cpu</c>, <c>cuda</c> or <c>cuda:n</c>.
/// </summary>
public static class ComputeDevice
{
    /// <summary>Returns the device that a text names.</summary>
    /// <exception cref="DeviceException">The text is not a device, or this machine does not have it.</exception>
    internal static torch.Device Find(string text)
    {
        var backend = NativeBackend.Load();
        switch (text.Trim().ToLowerInvariant())
        {
            case "cpu":
                return torch.CPU;
            case "auto":
                return torch.cuda.is_available() ? new torch.Device(DeviceType.CUDA, 0) : torch.CPU;
            case "cuda":
                return Cuda(0, text, backend);
            case var other
                when other.StartsWith("cuda:", StringComparison.Ordinal)
                    && int.TryParse(other.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var n):
                return Cuda(n, text, backend);
            default:
                throw new DeviceException($"There is no device \"{text}\". Give auto, cpu, cuda or cuda:n.");
        }
    }

    /// <summary>
    /// Sets and returns the number of batches to compute in parallel: two on a CPU, one on a GPU. On a CPU the batches share the threads,
    /// because one batch leaves processors idle while its threads wait for each other.
    /// </summary>
    /// <param name="asked">Number of parallel batches on a CPU, at most one per thread. Default two.</param>
    /// <exception cref="DeviceException">As <see cref="Find"/>.</exception>
    public static int SplitThreads(string device, int? asked = null)
    {
        if (Find(device).type != DeviceType.CPU)
            return 1;
        var current = torch.get_num_threads();
        var threads = current == _batchThreads ? _allThreads : current; // a process may split more than once
        var parallelBatches = Math.Min(asked ?? 2, threads);
        (_allThreads, _batchThreads) = (threads, threads / parallelBatches);
        torch.set_num_threads(_batchThreads);
        return parallelBatches;
    }

    private static int _allThreads,
        _batchThreads;

    /// <summary>Runs work with all threads, as before <see cref="SplitThreads"/>. No other computation may run at the same time.</summary>
    public static T WithAllThreads<T>(Func<T> work)
    {
        if (_allThreads == 0)
            return work();
        torch.set_num_threads(_allThreads);
        NativeBackend.LetMklChooseThreads();
        try
        {
            return work();
        }
        finally
        {
            torch.set_num_threads(_batchThreads);
        }
    }

    /// <summary>Returns whether a computation ran out of memory; a smaller batch may succeed.</summary>
    public static bool IsOutOfMemory(Exception e) =>
        e is OutOfMemoryException
        || e is ExternalException
            && (
                e.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
                || e.Message.Contains("can't allocate memory", StringComparison.Ordinal)
            );

    /// <summary>Returns whether this process has lost the GPU. Later calls fail or return wrong results.</summary>
    public static bool IsLost(Exception e) =>
        e is ExternalException && !IsOutOfMemory(e) && LossTexts.Any(text => e.Message.Contains(text, StringComparison.Ordinal));

    private static readonly string[] LossTexts =
    [
        "CUDA error",
        "CUDA driver error",
        "cuDNN error",
        "CUBLAS_STATUS_EXECUTION_FAILED",
        "CUBLAS_STATUS_NOT_INITIALIZED",
    ];

    /// <returns>Either cpu or cuda:n.</returns>
    internal static string Name(torch.Device device) => device.type == DeviceType.CPU ? "cpu" : $"cuda:{Math.Max(0, device.index)}";

    private static torch.Device Cuda(int index, string requested, NativeBackend backend)
    {
        var count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        if (index < count)
            return new torch.Device(DeviceType.CUDA, index);
        throw new DeviceException(
            count > 0
                ? $"Device {requested} was requested, but this process sees {count} GPU(s), cuda:0 to cuda:{count - 1}. "
                    + "Check CUDA_VISIBLE_DEVICES."
                : $"Device {requested} was requested, but libtorch {backend.Version} from {backend.Folder} sees no GPU. Build with "
                    + $"-p:AgCamCuda=true, or set {NativeBackend.FolderVariable} to a CUDA PyTorch {NativeBackend.BuiltFor}. "
                    + "Check nvidia-smi."
        );
    }
}

/// <summary>Reports that the requested device does not exist. The message tells the operator the next step.</summary>
public sealed class DeviceException(string message) : Exception(message);
