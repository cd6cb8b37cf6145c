using AgCam.Evaluation.Datasets;
using AgCam.Images;

namespace AgCam.Worker.Evaluations;

/// <summary>
/// Finds samples of datasets by number. A dataset is a stream, and chunks come in about its order: a reading continues from its
/// position, keeps the last samples, and starts again for earlier ones.
/// </summary>
internal sealed class DatasetReading(IFileReader files)
{
    private const int Readings = 4,
        Kept = 4096;

    private readonly Lock _lock = new();
    private readonly List<Reading> _readings = []; // most recently used last

    /// <param name="accept">
    /// Returns whether these are the expected samples. Otherwise the dataset is read again once, since the reading may be outdated.
    /// </param>
    /// <returns>Null when the dataset does not have the expected samples.</returns>
    /// <exception cref="DatasetException">The dataset cannot be read.</exception>
    public IReadOnlyList<Sample>? Find(
        string path,
        DatasetLayout layout,
        string? images,
        int first,
        int count,
        Func<IReadOnlyList<Sample>, bool> accept,
        CancellationToken cancellationToken
    )
    {
        lock (_lock)
        {
            var place = (path, layout, images);
            if (_readings.Find(reading => reading.Place == place) is { } open)
            {
                _readings.Remove(open);
                if (Read(open) is { } samples)
                    return samples;
            }
            return Read(new Reading(place, files));

            IReadOnlyList<Sample>? Read(Reading reading)
            {
                try
                {
                    if (reading.Find(first, count, cancellationToken) is { } samples && accept(samples))
                    {
                        _readings.Add(reading);
                        if (_readings.Count > Readings)
                        {
                            _readings[0].Dispose();
                            _readings.RemoveAt(0);
                        }
                        return samples;
                    }
                }
                catch
                {
                    reading.Dispose();
                    throw;
                }
                reading.Dispose();
                return null;
            }
        }
    }

    private sealed class Reading((string Path, DatasetLayout Layout, string? Images) place, IFileReader files) : IDisposable
    {
        private readonly Queue<Sample> _passed = new();
        private IEnumerator<Sample>? _samples;
        private int _next;

        public (string, DatasetLayout, string?) Place => place;

        /// <returns>Null when they are too far back, or beyond the end.</returns>
        public IReadOnlyList<Sample>? Find(int first, int count, CancellationToken cancellationToken)
        {
            if (first < _next - _passed.Count)
                return null;
            _samples ??= Dataset.Read(place.Path, place.Layout, place.Images, files).GetEnumerator();
            while (_next < first + count && _samples.MoveNext())
            {
                cancellationToken.ThrowIfCancellationRequested();
                _passed.Enqueue(_samples.Current);
                if (_passed.Count > Math.Max(Kept, count))
                    _passed.Dequeue();
                _next++;
            }
            var samples = _passed.Skip(first - (_next - _passed.Count)).Take(count).ToList();
            return samples.Count == count ? samples : null;
        }

        public void Dispose() => _samples?.Dispose();
    }
}
