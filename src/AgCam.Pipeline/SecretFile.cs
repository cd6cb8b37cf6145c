namespace AgCam.Pipeline;

/// <summary>Reads a secret from a file, as clusters mount them.</summary>
internal static class SecretFile
{
    /// <summary>Reads the secret of an option.</summary>
    /// <returns>The text without surrounding blanks.</returns>
    /// <exception cref="OptionsException">The file cannot be read or is empty. The message names the file, never its content.</exception>
    public static string Read(string option, string path)
    {
        try
        {
            return File.ReadAllText(path).Trim() is { Length: > 0 } text
                ? text
                : throw new OptionsException($"{option}: {path} is empty. Put the secret into it.");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new OptionsException($"{option}: {path} cannot be read: {unreadable.Message}");
        }
    }
}
