using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>Stores the configurations that explanations were computed with.</summary>
public interface IProvenances
{
    /// <summary>Inserts the configuration unless it is stored.</summary>
    /// <returns>Its id, for <see cref="StoredExplanation.Provenance"/>.</returns>
    Task<Digest> PutAsync(Provenance provenance, CancellationToken cancellationToken = default);

    Task<Provenance?> FindAsync(Digest id, CancellationToken cancellationToken = default);
}
