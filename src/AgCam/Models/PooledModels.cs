namespace AgCam.Models;

/// <summary>Words about models whose classifier reads the mean of the patches.</summary>
internal static class PooledModels
{
    /// <summary>What to do about one where the paper's method was asked for.</summary>
    public const string NextStep = "Choose a plain ViT whose classifier reads the class token, or explain this one with --method agcam-pooled, "
        + "a relative of the paper's method for averaged patches.";
}
