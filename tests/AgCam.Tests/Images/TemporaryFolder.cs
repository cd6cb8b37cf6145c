using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace AgCam.Tests.Images;

/// <summary>A folder for one test, with the odd files that only the system's own calls can make.</summary>
internal sealed partial class TemporaryFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("agcam-images-").FullName;

    public string Write(string name, params byte[] bytes)
    {
        string path = Path.Combine(Root, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public string Pipe(string name)
    {
        string path = Path.Combine(Root, name);
        Assert.Equal(0, MakePipe(path, 0b110_100_100));
        return path;
    }

    /// <summary>A file whose name is not valid UTF-8.</summary>
    public void WriteRawName(byte[] name, byte[] bytes)
    {
        string path = Write("named.tmp", bytes);
        Assert.Equal(0, Rename([.. Encoding.UTF8.GetBytes(path), 0], [.. Encoding.UTF8.GetBytes(Root + "/"), .. name, 0]));
    }

    /// <summary>Takes every permission from a file or folder.</summary>
    public static void Forbid(string path) => Assert.Equal(0, ChangeMode(path, 0));

    /// <summary>
    /// As a user who has only the permissions that files give: root has every one, and lays that down for a thread of its own.
    /// </summary>
    public T Unprivileged<T>(Func<T> read)
    {
        if (!Environment.IsPrivilegedProcess)
            return read();
        const uint nobody = 65534;
        Assert.Equal(0, ChangeOwner(Root, nobody, nobody)); // else not even the folder is reached
        T? result = default;
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            // Of the calling thread alone: files are opened as that user, and the right to pass their permissions over is gone.
            SetFileSystemUser(nobody);
            try
            {
                Assert.Equal(nobody, (uint)SetFileSystemUser(nobody)); // it answers who was before
                result = read();
            }
            catch (Exception e)
            {
                thrown = e;
            }
        });
        thread.Start();
        thread.Join();
        if (thrown is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown);
        return result!;
    }

    /// <summary>By the shell's commands: the runtime cannot delete names that it cannot spell.</summary>
    public void Dispose()
    {
        Run("chmod", "-R", "u+rwX", Root);
        Run("rm", "-rf", Root);
    }

    private static void Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
    }

    [LibraryImport("libc", EntryPoint = "chmod", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeMode(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileSystemUser(uint user);

    [LibraryImport("libc", EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakePipe(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true)]
    private static partial int Rename(byte[] from, byte[] to);
}
