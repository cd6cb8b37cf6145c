namespace AgCam.Audit;

internal static class ClassText
{
    /// <summary>Returns the name of a class, or "class 3" where the model has no names.</summary>
    public static string Text(this ClassNames classes, int index) => classes[index] ?? $"class {index}";
}
