using System.Runtime.CompilerServices;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>Returns the failed images of an earlier job, to retry them.</summary>
internal sealed class FailuresSource(IStore store, Guid job) : IImageSource
{
    public async IAsyncEnumerable<ImageReference> WalkAsync(PlanTail tail, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (await store.Jobs.FindAsync(job, cancellationToken) is null)
            throw new SourceException($"There is no job {job} to retry the failures of. It may have been deleted.");
        var skip = tail.NextImage;
        await foreach (
            var item in store.Items.AllAsync(
                new ItemQuery
                {
                    Job = job,
                    Status = ItemStatus.Failed,
                    Limit = ItemQuery.MaxLimit,
                },
                cancellationToken
            )
        )
        {
            if (skip-- > 0)
                continue;
            yield return new ImageReference
            {
                Kind = item.Kind,
                Uri = item.Uri,
                Label = item.Label,
                Split = item.Split,
                Metadata = item.Metadata,
                Stamp = item.Stamp,
                Refused = item.Reason == ReferenceFailure.Invalid ? item.Detail : null,
            };
        }
    }
}
