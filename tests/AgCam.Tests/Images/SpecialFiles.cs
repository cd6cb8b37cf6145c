using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace AgCam.Tests.Images;

/// <summary>Creates files and permissions that need system calls.</summary>
internal static partial class SpecialFiles
{
    public static string Pipe(this TemporaryFolder folder, string name)
    {
        string path = folder[name];
        Assert.Equal(0, MakePipe(path, 0b110_100_100));
        return path;
    }

    /// <summary>Writes a file whose name is not valid UTF-8.</summary>
    public static void WriteRawName(this TemporaryFolder folder, byte[] name, byte[] bytes)
    {
        string path = folder.Write("named.tmp", bytes);
        Assert.Equal(0, Rename([.. Encoding.UTF8.GetBytes(path), 0], [.. Encoding.UTF8.GetBytes(folder.Path + "/"), .. name, 0]));
    }

    /// <summary>Removes every permission of a file or folder.</summary>
    public static void Forbid(string path) => Assert.Equal(0, ChangeMode(path, 0));

    /// <summary>Runs work without root's privileges, on its own thread, so that file permissions apply.</summary>
    public static T Unprivileged<T>(this TemporaryFolder folder, Func<T> read)
    {
        if (!Environment.IsPrivilegedProcess)
            return read();
        const uint nobody = 65534;
        Assert.Equal(0, ChangeOwner(folder.Path, nobody, nobody)); // otherwise the folder cannot be reached
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
