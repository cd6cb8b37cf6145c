using System.Diagnostics;
using System.Text.Json.Nodes;
using AgCam.Labels;

namespace AgCam.Cli.Explaining;

/// <summary>Counts and timings of a run. Written by its threads, read by the progress line.</summary>
internal sealed class RunTally
{
    private readonly Lock _gate = new();
    private readonly long _started = Stopwatch.GetTimestamp();
    private TimeSpan _reading,
        _model,
        _saving;
    private long _computed,
        _read;

    public long Completed { get; private set; }

    public long Skipped { get; private set; }

    public SortedDictionary<string, long> Failures { get; } = new(StringComparer.Ordinal);

    public long Failed { get; private set; }

    public LabelAgreement Agreement { get; } = new();

    /// <summary>Labels with their images, if labels are given.</summary>
    public LabelTally Labels { get; } = new();

    public long PicturesSaved { get; private set; }

    public long Done => Completed + Skipped + Failed;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    public void Computed(int images, TimeSpan took)
    {
        lock (_gate)
            (_computed, _model) = (_computed + images, _model + took);
    }

    public void Finished(ReadImage image, Explanation? explanation, int pictures, TimeSpan saving)
    {
        lock (_gate)
        {
            _reading += image.Took;
            _read++;
            _saving += saving;
            PicturesSaved += pictures;
            Labels.Add(image);
            if (image.Failure is { } failure)
            {
                Failed++;
                Failures[failure.Reason] = Failures.GetValueOrDefault(failure.Reason) + 1;
            }
            else if (explanation is null)
            {
                Skipped++;
                if (image is { Label.Class: { } given, Done: { } done })
                    Agreement.Add(given, done.Predicted); // the accuracy covers resumed rows too
            }
            else
            {
                Completed++;
                if (explanation.Label is { } label)
                    Agreement.Add(label, explanation.Predictions[0].Class);
            }
        }
    }

    /// <summary>Returns the object for --summary-file.</summary>
    public JsonObject Summary(Explainer explainer) =>
        new()
        {
            ["completed"] = Completed,
            ["skipped"] = Skipped,
            ["failed"] = Failed,
            ["failures"] = new JsonObject(Failures.Select(failure => KeyValuePair.Create(failure.Key, (JsonNode?)failure.Value))),
            ["seconds"] = Math.Round(Elapsed.TotalSeconds, 3),
            ["model"] = explainer.ModelId,
            ["device"] = explainer.Device,
            ["dtype"] = explainer.Dtype,
        };

    /// <summary>Images explained per second since start; 0 before the first.</summary>
    public double Rate => Elapsed.TotalSeconds is > 0 and var seconds ? Completed / seconds : 0;

    /// <summary>Images per second of the model alone.</summary>
    public double ModelRate => _model > TimeSpan.Zero ? _computed / _model.TotalSeconds : 0;

    /// <summary>Milliseconds per image and thread for reading, decoding and resizing.</summary>
    public double ReadingMilliseconds => _read == 0 ? 0 : _reading.TotalMilliseconds / _read;

    /// <summary>Milliseconds per image and thread for drawing and writing pictures.</summary>
    public double SavingMilliseconds => PicturesSaved == 0 ? 0 : _saving.TotalMilliseconds / PicturesSaved;
}
