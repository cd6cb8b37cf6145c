using System.Globalization;
using System.Runtime.InteropServices;
using AgCam.Native;
using TorchSharp;

namespace AgCam;

/// <summary>Where to compute: <c>auto</c> (the first GPU, else the CPU), <c>cpu</c>, <c>cuda</c> or <c>cuda:n</c>.</summary>
public static class ComputeDevice
{
    /// <exception cref="DeviceException">Not a device, or not one that is here: what was asked, what is here, what to do.</exception>
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
    /// How many batches are best computed at the same time. On a CPU two, and the process's threads are shared between them from now
    /// on: a pass of one batch leaves processors
    /// idle wherever its threads wait for one another or for one that was interrupted, and while its maps are read. On a GPU one.
    /// </summary>
    /// <param name="asked">On a CPU as many as this, at most one for each thread.</param>
    /// <exception cref="DeviceException">As <see cref="Find"/>.</exception>
    public static int SplitThreads(string device, int? asked = null)
    {
        if (Find(device).type != DeviceType.CPU)
            return 1;
        var threads = torch.get_num_threads();
        var parallelBatches = Math.Min(asked ?? 2, threads);
        (_undivided, _divided) = (threads, threads / parallelBatches);
        torch.set_num_threads(_divided);
        return parallelBatches;
    }

    private static int _undivided,
        _divided;

    /// <summary>
    /// With the threads that there were before <see cref="SplitThreads"/> divided them: as in a process without lanes. Nothing else may
    /// be computed meanwhile.
    /// </summary>
    public static T WithAllThreads<T>(Func<T> work)
    {
        if (_undivided == 0)
            return work();
        torch.set_num_threads(_undivided);
        try
        {
            return work();
        }
        finally
        {
            torch.set_num_threads(_divided);
        }
    }

    /// <summary>Whether a computation failed for lack of memory: with fewer images it may work.</summary>
    public static bool IsOutOfMemory(Exception e) =>
        e is OutOfMemoryException
        || e is ExternalException
            && (
                e.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
                || e.Message.Contains("can't allocate memory", StringComparison.Ordinal)
            );

    /// <summary>Whether the GPU is gone for this process: every later call fails, or worse, answers.</summary>
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

    /// <returns>cpu or cuda:n.</returns>
    internal static string Name(torch.Device device) => device.type == DeviceType.CPU ? "cpu" : $"cuda:{Math.Max(0, device.index)}";

    private static torch.Device Cuda(int index, string asked, NativeBackend backend)
    {
        var count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        if (index < count)
            return new torch.Device(DeviceType.CUDA, index);
        throw new DeviceException(
            count > 0
                ? $"Device {asked} was asked for, but this machine shows {count} GPU(s), cuda:0 to cuda:{count - 1}. Check "
                    + $"CUDA_VISIBLE_DEVICES."
                : $"Device {asked} was asked for, but libtorch {backend.Version} from {backend.Folder} sees no GPU. Build with "
                    + $"-p:AgCamCuda=true, or point {NativeBackend.FolderVariable} at a CUDA PyTorch {NativeBackend.BuiltFor}, and check nvidia-smi."
        );
    }
}

/// <summary>The asked device is not there. The operator must act; the message says how.</summary>
public sealed class DeviceException(string message) : Exception(message);
