using System.Text.Json;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Exports;

/// <summary>
/// COCO detection format: each box of a heatmap is an annotation of the predicted class. The items are read twice, because images precede
/// annotations and neither fits in memory.
/// </summary>
internal static class Coco
{
    public static async Task WriteAsync(IStore store, Job job, Stream stream, CancellationToken cancellationToken)
    {
        await using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        json.WriteStartObject("info");
        json.WriteString(
            "description",
            $"AG-CAM boxes of job {job.Id}, {job.Spec.Source}, model {job.Spec.Model.Id}, threshold {job.Spec.Threshold}"
        );
        json.WriteString("date_created", job.Created);
        json.WriteEndObject();

        json.WriteStartArray("images");
        await foreach (var page in Export.PagesAsync(store, job, cancellationToken))
        {
            var sizes = await SizesAsync(store, page, cancellationToken);
            foreach (var item in page)
                if (item.Explanation is { } explanation && sizes.TryGetValue(explanation, out var picture))
                    WriteImage(json, item, picture);
            await json.FlushAsync(cancellationToken);
        }
        json.WriteEndArray();

        var categories = new Dictionary<string, int>(StringComparer.Ordinal); // no more than the model has classes
        var boxes = 0L;
        json.WriteStartArray("annotations");
        await foreach (var page in Export.PagesAsync(store, job, cancellationToken))
        {
            foreach (var item in page.Where(item => item.Predicted is not null))
            {
                if (!categories.TryGetValue(item.Predicted!, out var category))
                    categories[item.Predicted!] = category = categories.Count + 1;
                foreach (var box in item.Boxes)
                    WriteBox(json, ++boxes, item.Number, category, box);
            }
            await json.FlushAsync(cancellationToken);
        }
        json.WriteEndArray();

        json.WriteStartArray("categories");
        foreach (var (name, id) in categories)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("name", name);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        await json.FlushAsync(cancellationToken);
    }

    private static async Task<Dictionary<Digest, PictureFacts>> SizesAsync(
        IStore store,
        IReadOnlyList<Item> page,
        CancellationToken cancellationToken
    )
    {
        var ids = page.Select(item => item.Explanation).OfType<Digest>().ToHashSet();
        return (await store.Explanations.FindAsync(ids, cancellationToken)).ToDictionary(
            explanation => explanation.Id,
            explanation => explanation.Picture
        );
    }

    private static void WriteImage(Utf8JsonWriter json, Item item, PictureFacts picture)
    {
        json.WriteStartObject();
        json.WriteNumber("id", item.Number);
        json.WriteString("file_name", item.Uri);
        json.WriteNumber("width", picture.Width);
        json.WriteNumber("height", picture.Height);
        json.WriteEndObject();
    }

    private static void WriteBox(Utf8JsonWriter json, long id, int image, int category, Heatmaps.BoundingBox box)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteNumber("image_id", image);
        json.WriteNumber("category_id", category);
        json.WriteStartArray("bbox");
        json.WriteNumberValue(box.X);
        json.WriteNumberValue(box.Y);
        json.WriteNumberValue(box.Width);
        json.WriteNumberValue(box.Height);
        json.WriteEndArray();
        json.WriteNumber("area", box.Area);
        json.WriteNumber("iscrowd", 0);
        json.WriteNumber("score", box.Score);
        json.WriteEndObject();
    }
}
