using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>Checks the arguments that callers pass to any store.</summary>
internal static class ChunkRules
{
    /// <summary>Returns a random <see cref="Chunk.Generation"/> for a new job or request, never 0.</summary>
    public static long NewGeneration() => Random.Shared.NextInt64(1, 1L << 53);

    /// <summary>Returns the tail after the chunks.</summary>
    /// <exception cref="ArgumentException">
    /// A chunk is empty, too large, or its references are not numbered without gaps from the tail.
    /// </exception>
    public static PlanTail After(PlanTail tail, IReadOnlyList<IReadOnlyList<ImageReference>> chunks)
    {
        var (chunk, image, last) = (tail.NextChunk, tail.NextImage, tail.LastUri);
        foreach (var references in chunks)
        {
            if (references.Count is < 1 or > ExplainImages.MaxReferences)
                throw new ArgumentException(
                    $"Chunk {chunk} has {references.Count} images; 1 to {ExplainImages.MaxReferences} are needed.",
                    nameof(chunks)
                );
            foreach (var reference in references)
            {
                if (reference.Number != image)
                    throw new ArgumentException(
                        $"Chunk {chunk} has image number {reference.Number} where {image} is next: images are numbered from 0 "
                            + $"without gaps.",
                        nameof(chunks)
                    );
                image = checked(image + 1);
            }
            last = references[^1].Uri;
            chunk++;
        }
        return new PlanTail(chunk, image, last, tail.Generation);
    }

    /// <summary>Checks that each image of the chunk has one item. Returns the explanations that must be stored already.</summary>
    /// <param name="numbers">Numbers of the chunk's images.</param>
    /// <exception cref="ArgumentException">The items do not fit the chunk. The message names the first one.</exception>
    public static IReadOnlyList<Digest> CheckAndFindHeld(ChunkResult result, Chunk chunk, IEnumerable<int> numbers)
    {
        if (result.Items.Count != chunk.Count)
            throw new ArgumentException($"{Name(chunk)} has {chunk.Count} images; {result.Items.Count} items were given.");
        if (result.Rows is { } rows && (rows.Chunk != chunk.Number || result.Explanations.Count > 0))
            throw new ArgumentException(
                $"{Name(chunk)} was given rows of chunk {rows.Chunk} and {result.Explanations.Count} explanations: an "
                    + $"evaluation has the rows of its chunk, and no explanations."
            );
        var expected = numbers.ToHashSet();
        var given = result.Explanations.Select(explanation => explanation.Id).ToHashSet();
        var held = new List<Digest>();
        foreach (var item in result.Items)
        {
            if (item.Job != chunk.Owner || !expected.Remove(item.Number))
                throw new ArgumentException($"Item {item.Number} of {item.Job} does not belong to {Name(chunk)}, or comes twice.");
            var completed = item.Status == ItemStatus.Completed;
            var explained = completed && result.Rows is null;
            if (
                explained != item.Explanation is not null
                || completed != item.Predicted is not null
                || completed != item.Probability is not null
            )
                throw new ArgumentException(
                    $"Item {item.Number} of {item.Job} is wrong: only a completed item has a predicted class, its probability, "
                        + $"and an explanation unless it belongs to an evaluation."
                );
            if (item.Explanation is { } id && !given.Contains(id))
                held.Add(id);
        }
        return held;
    }

    /// <exception cref="ArgumentException">The request belongs to a job.</exception>
    public static void ThrowIfOfJob(ExplainImages request)
    {
        if (request.JobId is { } job)
            throw new ArgumentException(
                $"The request is chunk {request.Chunk} of job {job}: a job's chunks are planned, not accepted.",
                nameof(request)
            );
    }

    /// <summary>Returns the note for an attempt that ended without saving or releasing its lease.</summary>
    public static string CrashNote(Chunk chunk) =>
        $"attempt {chunk.Attempts} by {chunk.Worker}, leased {chunk.Leased:u}, ended without a result";

    public static ArgumentException Missing(Chunk chunk, Digest explanation) =>
        new($"{Name(chunk)} has an item that refers to the explanation {explanation}, which is neither given nor in the store.");

    private static string Name(Chunk chunk) => $"Chunk {chunk.Number} of {chunk.Owner}";
}
