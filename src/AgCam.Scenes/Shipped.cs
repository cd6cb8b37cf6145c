namespace AgCam.Scenes;

/// <summary>What comes with the program: a small trained model and pictures to try it on, copied beside the assembly.</summary>
public static class Shipped
{
    /// <summary>A folder in timm's layout: config.json, model.safetensors, and how training went.</summary>
    public static string Model => Path.Combine(Folder, "model");

    /// <summary>A folder of PNG files with metadata.jsonl (file_name, label, objects.bbox).</summary>
    public static string Pictures => Path.Combine(Folder, "pictures");

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "shipped");
}
