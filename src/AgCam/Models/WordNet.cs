namespace AgCam.Models;

/// <summary>Recognises WordNet ids, e.g. n01440764, which name ImageNet's classes.</summary>
internal static class WordNet
{
    public static bool IsId(string text) => text.Length == 9 && text[0] == 'n' && text.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0;
}
