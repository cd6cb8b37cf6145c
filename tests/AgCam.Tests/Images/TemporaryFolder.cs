using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace AgCam.Tests.Images;

/// <summary>Folder for one test, with special files that need system calls.</summary>
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

    /// <summary>Writes a file whose name is not valid UTF-8.</summary>
    public void WriteRawName(byte[] name, byte[] bytes)
    {
        string path = Write("named.tmp", bytes);
        Assert.Equal(0, Rename([.. Encoding.UTF8.GetBytes(path), 0], [.. Encoding.UTF8.GetBytes(Root + "/"), .. name, 0]));
    }

    /// <summary>Removes every permission of a file or folder.</summary>
    public static void Forbid(string path) => Assert.Equal(0, ChangeMode(path, 0));

    /// <summary>Runs work without root's privileges, on its own thread, so that file permissions apply.</summary>
    public T Unprivileged<T>(Func<T> read)
    {
        if (!Environment.IsPrivilegedProcess)
            return read();
        const uint nobody = 65534;
        Assert.Equal(0, ChangeOwner(Root, nobody, nobody)); // otherwise the folder cannot be reached
        T? result = default;
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            // Only for this thread: files are opened as that user, without the capability to override permissions.
            SetFileSystemUser(nobody);
            try
            {
                Assert.Equal(nobody, (uint)SetFileSystemUser(nobody)); // returns the previous user
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

    /// <summary>Deletes with shell commands: .NET cannot delete names that are not valid UTF-8.</summary>
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
