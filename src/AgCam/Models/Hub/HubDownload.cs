using System.Net;
using System.Security.Cryptography;

namespace AgCam.Models.Hub;

/// <summary>Progress of one file in bytes.</summary>
public sealed record HubProgress(string File, long Received, long? Total);

/// <summary>Downloads files into the cache: each is resumed, verified, and then linked under its name.</summary>
internal sealed class HubDownload(
    HubTransport transport,
    HubCache cache,
    HubOptions options,
    HubId id,
    string commit,
    IProgress<HubProgress>? progress
)
{
    private const long MaxSmallFileBytes = 64 << 20;

    /// <returns>Path of the file in the snapshot.</returns>
    public async Task<string> FetchAsync(string file, bool isSmall, CancellationToken cancellationToken)
    {
        var place = Path.Combine(cache.Snapshot(id.Repo, commit), file);
        if (ModelFile.IsThere(place))
            return place;
        var address = new Uri($"{options.Endpoint}/{id.Repo}/resolve/{commit}/{Uri.EscapeDataString(file)}");
        var (etag, size) = await transport.WithRetriesAsync(
            file,
            () => ReadHeadersAsync(address, file, cancellationToken),
            () => 0,
            cancellationToken
        );
        if (isSmall && size > MaxSmallFileBytes)
            throw new ModelException(
                ModelFailure.HubBadAnswer,
                $"{file} of {id} has {size:N0} bytes; a configuration has at most {MaxSmallFileBytes:N0}."
            );

        var blob = cache.Blob(id.Repo, etag);
        using (await HubLock.AcquireAsync(cache.Lock(id.Repo, etag), cancellationToken))
        {
            if (!File.Exists(blob))
                await FillAsync(address, file, blob, etag, size, isSmall, cancellationToken);
        }

        cache.Link(id.Repo, commit, file, etag);
        return place;
    }

    /// <summary>Returns a file's ETag and length. A large file redirects to its storage; the redirect has both headers.</summary>
    private async Task<(string ETag, long? Size)> ReadHeadersAsync(Uri address, string file, CancellationToken cancellationToken)
    {
        using var response = await transport.SendAsync(
            HttpMethod.Head,
            address,
            0,
            stopAt: answer => Header(answer, "X-Linked-Etag") is not null,
            cancellationToken
        );
        if ((int)response.StatusCode is < 300 or >= 400)
            HubAnswer.Require(response, id, file, options);
        var etag = (Header(response, "X-Linked-Etag") ?? response.Headers.ETag?.Tag ?? Header(response, "ETag"))?.Trim('"');
        // The ETag becomes a file name.
        if (etag is null or { Length: 0 or > 128 } || !etag.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            throw new ModelException(
                ModelFailure.HubBadAnswer,
                $"{options.Endpoint} returned no usable ETag for {file}. Check HF_ENDPOINT."
            );
        var size =
            long.TryParse(Header(response, "X-Linked-Size"), out var linked) ? linked
            : response.IsSuccessStatusCode ? response.Content.Headers.ContentLength
            : null;
        return (etag, size is >= 0 ? size : null);
    }

    private async Task FillAsync(
        Uri address,
        string file,
        string blob,
        string etag,
        long? size,
        bool isSmall,
        CancellationToken cancellationToken
    )
    {
        Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
        var incomplete = $"{blob}.incomplete";
        RequireSpace(Path.GetDirectoryName(blob)!, file, size - LengthOf(incomplete));
        for (var isSecondTry = false; ; isSecondTry = true)
        {
            await transport.WithRetriesAsync(
                file,
                () => ReceiveAsync(address, file, incomplete, size, isSmall, cancellationToken),
                () => LengthOf(incomplete),
                cancellationToken
            );
            if (await IsVerifiedAsync(incomplete, etag, size, cancellationToken))
                break;
            File.Delete(incomplete); // the resumed part may be of another version: download again from the start
            if (isSecondTry)
                throw new ModelException(
                    ModelFailure.HubBadAnswer,
                    $"{file} of {id} did not match its hash ({etag}) in two downloads. "
                        + $"Check whether a proxy before {options.Endpoint} changes it; nothing was stored."
                );
        }

        AtomicFile.Publish(incomplete, blob);
    }

    /// <summary>Checks the free disk space before a long download.</summary>
    private void RequireSpace(string folder, string file, long? needed)
    {
        var free = OnDisk(() => new DriveInfo(folder).AvailableFreeSpace);
        if (needed > free)
            throw new ModelException(
                ModelFailure.CacheUnwritable,
                $"{file} needs {needed:N0} bytes, but the disk of the cache {cache.Folder} has only {free:N0} free. "
                    + "Free some space, or set HF_HUB_CACHE to another folder."
            );
    }

    private async Task<bool> ReceiveAsync(
        Uri address,
        string file,
        string incomplete,
        long? size,
        bool isSmall,
        CancellationToken cancellationToken
    )
    {
        var existing = LengthOf(incomplete);
        if (existing > 0 && existing >= size)
            return true; // complete, or too long: length and hash are checked next
        using var response = await transport.SendAsync(HttpMethod.Get, address, existing, null, cancellationToken);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            File.Delete(incomplete);
            throw new IOException("the server rejected the range of the missing part");
        }

        HubAnswer.Require(response, id, file, options);
        // A server that ignores the range sends the whole file.
        var resumes = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == existing;
        if (response.StatusCode == HttpStatusCode.PartialContent && !resumes)
            throw new IOException("the server sent another range than requested");
        await using var target = OnDisk(() =>
            new FileStream(incomplete, resumes ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.Read, 0)
        );
        await using var source = await transport.WithinTimeoutAsync(limit => response.Content.ReadAsStreamAsync(limit), cancellationToken);
        var received = resumes ? existing : 0;
        var maximum = size ?? (isSmall ? MaxSmallFileBytes : long.MaxValue);
        var buffer = new byte[1 << 17];
        while (
            await transport.WithinTimeoutAsync(limit => source.ReadAsync(buffer, limit).AsTask(), cancellationToken) is var count and > 0
        )
        {
            received += count;
            if (received > maximum)
                throw new ModelException(
                    ModelFailure.HubBadAnswer,
                    $"{options.Endpoint} sent more than the {maximum:N0} bytes of {file}. Check HF_ENDPOINT."
                );
            OnDisk(() => target.Write(buffer, 0, count));
            progress?.Report(new HubProgress(file, received, size));
        }

        OnDisk(() => target.Flush(flushToDisk: true));
        return received >= (size ?? 0) ? true : throw new IOException($"the connection closed after {received:N0} of {size:N0} bytes");
    }

    /// <summary>Reports a disk error as a cache error: an IOException would be retried as a broken connection.</summary>
    private T OnDisk<T>(Func<T> step)
    {
        try
        {
            return step();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelException(
                ModelFailure.CacheUnwritable,
                $"The cache {cache.Folder} cannot be written: {error.Message} " + "Free some space, or set HF_HUB_CACHE to another folder.",
                error
            );
        }
    }

    private void OnDisk(Action step) =>
        OnDisk(() =>
        {
            step();
            return true;
        });

    /// <summary>Verifies length and hash. The ETag of a large file is its SHA-256; of a small file only the length is known.</summary>
    private static async Task<bool> IsVerifiedAsync(string path, string etag, long? size, CancellationToken cancellationToken)
    {
        if (size is { } expected && LengthOf(path) != expected)
            return false;
        if (etag.Length != 64 || !etag.All(char.IsAsciiHexDigit))
            return true;
        await using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        return Convert.ToHexString(await SHA256.HashDataAsync(stream, cancellationToken)).Equals(etag, StringComparison.OrdinalIgnoreCase);
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
}
