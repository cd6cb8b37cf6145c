using System.Text.Json;
using AgCam.Api.Views;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Exports;

/// <summary>Writes one item per line, in the form of /v1/items.</summary>
internal static class JsonLines
{
    public static async Task WriteAsync(IStore store, Job job, Stream stream, CancellationToken cancellationToken)
    {
        await foreach (var page in Export.PagesAsync(store, job, cancellationToken))
        {
            using var lines = new MemoryStream();
            foreach (var item in page)
            {
                JsonSerializer.Serialize(lines, ItemView.Of(item), ApiJson.Options);
                lines.WriteByte((byte)'\n');
            }
            await stream.WriteAsync(lines.GetBuffer().AsMemory(0, (int)lines.Length), cancellationToken);
        }
    }
}
