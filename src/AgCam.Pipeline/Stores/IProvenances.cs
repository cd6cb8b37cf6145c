using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

public interface IProvenances
{
    /// <summary>Inserts the configuration unless it is there.</summary>
    /// <returns>Its id, for <see cref="StoredExplanation.Provenance"/>.</returns>
    Task<Digest> PutAsync(Provenance provenance, CancellationToken cancellationToken = default);

    Task<Provenance?> FindAsync(Digest id, CancellationToken cancellationToken = default);
}
