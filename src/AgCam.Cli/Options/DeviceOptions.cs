using System.CommandLine;
using AgCam.Cli.Doctor;
using AgCam.Models;
using TorchSharp;

namespace AgCam.Cli.Options;

/// <summary>Device, dtype and threads: options of every verb that runs a model.</summary>
internal sealed class DeviceOptions
{
    private readonly Option<string> _device = new("--device")
    {
        Description = "auto, cpu, cuda or cuda:n.",
        DefaultValueFactory = _ => "auto",
        HelpName = "DEVICE",
    };
    private readonly Option<string> _dtype = new("--dtype")
    {
        Description = "Dtype of the forward pass: float32, bfloat16 or float16. Maps are always summed in float32.",
        DefaultValueFactory = _ => "float32",
        HelpName = "DTYPE",
    };
    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "CPU threads of the model. Default: one for each core.",
        HelpName = "N",
    };

    public DeviceOptions()
    {
        _device.CompletionSources.Add("auto", "cpu", "cuda");
        _dtype.AcceptOnly("float32", "bfloat16", "float16");
        _threads.Within(1, 1024);
    }

    public void AddTo(Command command)
    {
        command.Options.Add(_device);
        command.Options.Add(_dtype);
        command.Options.Add(_threads);
    }

    /// <summary>Returns the dtype for a server's workers.</summary>
    /// <exception cref="UsageException">An option applies to this machine only.</exception>
    public string OfServer(ParseResult parsed) =>
        new Option[] { _device, _threads }.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given
            ? throw new UsageException($"{given.Name} is not possible with --url: the server's workers choose their devices.")
            : parsed.GetValue(_dtype)!;

    /// <summary>Returns <see cref="ComputeDevice.SplitThreads"/>; call it after <see cref="Load"/>.</summary>
    public int SplitThreads(ParseResult parsed) => ComputeDevice.SplitThreads(parsed.GetValue(_device)!);

    /// <summary>Loads libtorch, then the model onto the device.</summary>
    public Explainer Load(ParseResult parsed, Checkpoint checkpoint)
    {
        BackendSelfTestVerb.LoadTrusted();
        if (parsed.GetValue(_threads) is { } threads)
            torch.set_num_threads(threads);
        return new Explainer(checkpoint, new ExplainerOptions { Device = parsed.GetValue(_device)!, Dtype = parsed.GetValue(_dtype)! });
    }
}
