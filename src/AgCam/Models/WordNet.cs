namespace AgCam.Models;

/// <summary>WordNet ids, e.g. n01440764, by which ImageNet names its classes.</summary>
internal static class WordNet
{
    public static bool IsId(string text) => text.Length == 9 && text[0] == 'n' && text.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0;
}
