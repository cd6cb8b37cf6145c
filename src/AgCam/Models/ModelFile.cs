namespace AgCam.Models;

/// <summary>Checks and reads files of a model.</summary>
internal static class ModelFile
{
    /// <summary>Returns whether a file exists. Unlike File.Exists, returns false for a broken link.</summary>
    public static bool IsThere(string path)
    {
        try
        {
            var file = new FileInfo(path);
            return file.Exists && (file.LinkTarget is null || file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true });
        }
        catch (IOException) // a cycle of links
        {
            return false;
        }
    }

    /// <summary>
    /// Returns the length of a file in bytes. Pipes and devices have length 0, so callers refuse them before a read could block.
    /// </summary>
    public static long LengthOf(string path)
    {
        try
        {
            var file = new FileInfo(path);
            if (Directory.Exists(path))
                throw new ModelException(ModelFailure.Unreadable, $"{path} is a folder. Give a file.");
            if (!IsThere(path))
                throw new ModelException(ModelFailure.NotFound, $"{path} does not exist.");
            if (file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
                file = target;
            return file.Length;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ModelException(ModelFailure.Unreadable, $"{PrintableName.Of(path)} cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Reads a whole small file, e.g. config.json.</summary>
    public static byte[] ReadSmall(string path, int maxBytes)
    {
        var length = LengthOf(path);
        if (length == 0) // or a pipe, on which a read would block
            throw new ModelException(ModelFailure.Corrupt, $"{path} is empty.");
        if (length > maxBytes)
            throw new ModelException(ModelFailure.Corrupt, $"{path} has {length:N0} bytes; a configuration has at most {maxBytes:N0}.");
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelException(ModelFailure.Unreadable, $"{path} cannot be read: {error.Message}", error);
        }
    }
}
