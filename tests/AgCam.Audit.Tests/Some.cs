using AgCam.Heatmaps;
using AgCam.Pipeline.Records;

namespace AgCam.Audit.Tests;

/// <summary>Rows of an audit with what a test is about.</summary>
internal static class Some
{
    public static readonly PictureFacts Picture = new(640, 480, 0x0F0F_3C3C_5A5A_9696, 0.45f, 400, 7.2f, 0.1f, 0.9f);

    public static AuditRow Row(long number, int? label = null, string? split = null) =>
        new(number, $"{number}.jpg") { Label = label, Split = split };

    /// <summary>Returns the SHA-256 of a file whose content is the number.</summary>
    public static Digest File(int content) => Digest.Of(BitConverter.GetBytes(content));

    /// <summary>Returns a map of 7 x 7 patches with low random values and a peak.</summary>
    public static Heatmap Map(int seed, int peak)
    {
        var random = new Random(seed);
        var values = new float[49];
        for (var i = 0; i < values.Length; i++)
            values[i] = 0.2f * random.NextSingle();
        values[peak] = 1;
        return new Heatmap(7, 7, values);
    }

    /// <summary>Returns a map of the given values, as many rows as columns.</summary>
    public static Heatmap Map(params float[] values)
    {
        var side = (int)Math.Sqrt(values.Length);
        return new Heatmap(side, side, values);
    }

    /// <summary>Runs a finding over the rows, in one process or merged from shards that take turns.</summary>
    public static T Fitted<T>(Func<T> create, IEnumerable<AuditRow> rows, int shards = 1)
        where T : Findings.Finding
    {
        var parts = Enumerable.Range(0, shards).Select(_ => create()).ToList();
        foreach (var (index, row) in rows.Index())
            parts[index % shards].Fit(row);
        foreach (var part in parts.Skip(1))
            parts[0].Merge(part);
        return parts[0];
    }
}
