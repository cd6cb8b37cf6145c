using System.Runtime.InteropServices;
using AgCam.Native;
using TorchSharp;
using Xunit;

namespace AgCam.Worker.Tests.Engines;

public class AllThreadsTests
{
    [Fact]
    [Trait("Runs", "isolated")] // changes the threads of the process
    public unsafe void Work_with_all_threads_leaves_small_products_on_one()
    {
        var torchCpu = NativeLibrary.Load(Path.Combine(NativeBackend.Load().Folder, "libtorch_cpu.so"));
        var isDynamic = (delegate* unmanaged<int>)NativeLibrary.GetExport(torchCpu, "mkl_serv_get_dynamic");
        var threads = torch.get_num_threads();
        ComputeDevice.SplitThreads("cpu");
        Assert.Equal(0, isDynamic()); // libtorch forbids it when the number of threads is set

        Assert.Equal((1, threads), ComputeDevice.WithAllThreads(() => (isDynamic(), torch.get_num_threads())));
    }
}
