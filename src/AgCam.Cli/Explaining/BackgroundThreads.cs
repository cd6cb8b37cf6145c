using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace AgCam.Cli.Explaining;

/// <summary>
/// Threads for what goes on beside the model, a processor each, which take the time that the model leaves. The threads of a matrix product
/// wait for each other: whoever takes a core from one of them stops all of them. So on Linux these yield to the model's; elsewhere they run
/// like any others.
/// </summary>
internal sealed partial class BackgroundThreads : TaskScheduler, IDisposable
{
    private const int ThisThread = 0, Niceness = 15; // of 19; niceness belongs to a thread on Linux, and new threads inherit it
    private readonly BlockingCollection<Task> _tasks = [];

    public BackgroundThreads()
    {
        for (var i = 0; i < Environment.ProcessorCount; i++)
            new Thread(Work) { IsBackground = true, Name = "beside the model" }.Start();
    }

    public override int MaximumConcurrencyLevel => Environment.ProcessorCount;

    public Task<T> Run<T>(Func<T> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);

    /// <summary>Ends the threads once they are idle; what was begun or waits is done first.</summary>
    public void Dispose() => _tasks.CompleteAdding();

    protected override void QueueTask(Task task) => _tasks.Add(task);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => _tasks;

    private void Work()
    {
        if (OperatingSystem.IsLinux())
            _ = setpriority(ThisThread, ThisThread, Niceness);
        foreach (var task in _tasks.GetConsumingEnumerable())
            TryExecuteTask(task);
    }

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int niceness);
}
