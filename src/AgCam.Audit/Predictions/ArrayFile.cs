using System.IO.Compression;
using AgCam.Tables;

namespace AgCam.Audit.Predictions;

/// <summary>Opens an .npy file, or one array of an .npz file.</summary>
internal static class ArrayFile
{
    /// <param name="names">Names by which an array of an .npz file is found when the file has more than one.</param>
    /// <exception cref="AuditException">The file holds no such array.</exception>
    public static NpyArray Open(string file, IReadOnlyList<string> names)
    {
        try
        {
            return Path.GetExtension(file).Equals(".npz", StringComparison.OrdinalIgnoreCase)
                ? NpyArray.Read(Entry(file, names))
                : NpyArray.Open(file);
        }
        catch (TableException broken)
        {
            throw new AuditException(file + broken.Message, broken);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new AuditException($"{file} cannot be read: {unreadable.Message}", unreadable);
        }
    }

    private static byte[] Entry(string file, IReadOnlyList<string> names)
    {
        using var zip = ZipFile.OpenRead(file);
        var entry = zip.Entries is [var only]
            ? only
            : names.Select(name => zip.GetEntry(name + ".npy")).FirstOrDefault(found => found is not null)
                ?? throw new TableException(
                    $" has the arrays {string.Join(", ", zip.Entries.Select(found => Path.ChangeExtension(found.FullName, null)))}. "
                        + $"One of them must be named {string.Join(" or ", names)}."
                );
        if (entry.Length > Array.MaxLength)
            throw new TableException($" holds an array of {entry.Length} bytes, too large for .npz. Save it as .npy, which is not loaded.");
        using var stream = entry.Open();
        var bytes = new byte[entry.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
