namespace AgCam.Models;

/// <summary>The first look at a file that a person or a program named.</summary>
internal static class ModelFile
{
    /// <summary>Whether a file is there. Unlike File.Exists, a link to nothing is nothing.</summary>
    public static bool IsThere(string path)
    {
        try
        {
            var file = new FileInfo(path);
            return file.Exists && (file.LinkTarget is null || file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true });
        }
        catch (IOException) // a circle of links
        {
            return false;
        }
    }

    /// <summary>
    /// Bytes of an ordinary file. Pipes and devices show as empty here, and so are refused before anything waits on them.
    /// </summary>
    public static long LengthOf(string path)
    {
        try
        {
            var file = new FileInfo(path);
            if (Directory.Exists(path))
                throw new ModelException(ModelFailure.Unreadable, $"{path} is a folder where a file is needed.");
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

    /// <summary>A small text file, e.g. config.json, whole.</summary>
    public static byte[] ReadSmall(string path, int mostBytes)
    {
        var length = LengthOf(path);
        if (length == 0) // also a pipe, on which reading would wait
            throw new ModelException(ModelFailure.Corrupt, $"{path} is empty.");
        if (length > mostBytes)
            throw new ModelException(
                ModelFailure.Corrupt,
                $"{path} has {length:N0} bytes; more than {mostBytes:N0} is not a configuration."
            );
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
