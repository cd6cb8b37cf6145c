namespace AgCam.Scenes;

/// <summary>Locates the trained model and the pictures that ship with the program, beside the assembly.</summary>
public static class Shipped
{
    /// <summary>Folder of the model in timm's layout: config.json, model.safetensors and the training log.</summary>
    public static string Model => Path.Combine(Folder, "model");

    /// <summary>Folder of PNG files with metadata.jsonl (file_name, label, objects.bbox).</summary>
    public static string Pictures => Path.Combine(Folder, "pictures");

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "shipped");
}
