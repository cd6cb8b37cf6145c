using AgCam.Native;
using TorchSharp;

Console.WriteLine(NativeBackend.Load());
using var a = torch.randn(4, 4);
Console.WriteLine($"{torch.__version__} {a.shape[0]} {torch.matmul(a, a).sum().item<float>()} {torch.get_num_threads()}");
