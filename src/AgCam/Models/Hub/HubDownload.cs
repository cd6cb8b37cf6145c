using System.Net;
using System.Security.Cryptography;

namespace AgCam.Models.Hub;

/// <summary>Bytes of one file so far.</summary>
public sealed record HubProgress(string File, long Received, long? Total);

/// <summary>One file from the Hub into the cache: resumed where it was left, checked, and only then shown under its name.</summary>
internal sealed class HubDownload(
    HubTransport transport,
    HubCache cache,
    HubOptions options,
    HubId id,
    string commit,
    IProgress<HubProgress>? progress
)
{
    private const long MostForSmallFiles = 64 << 20;

    /// <returns>Where the file now is, inside the snapshot.</returns>
    public async Task<string> FetchAsync(string file, bool isSmall, CancellationToken cancellationToken)
    {
        var place = Path.Combine(cache.Snapshot(id.Repo, commit), file);
        if (ModelFile.IsThere(place))
            return place;
        var address = new Uri($"{options.Endpoint}/{id.Repo}/resolve/{commit}/{Uri.EscapeDataString(file)}");
        var (etag, size) = await transport.WithRetriesAsync(
            file,
            () => AskAsync(address, file, cancellationToken),
            () => 0,
            cancellationToken
        );
        if (isSmall && size > MostForSmallFiles)
            throw new ModelException(
                ModelFailure.HubBadAnswer,
                $"{file} of {id} has {size:N0} bytes; more than {MostForSmallFiles:N0} is no configuration."
            );

        var blob = cache.Blob(id.Repo, etag);
        using (await HubLock.TakeAsync(cache.Lock(id.Repo, etag), cancellationToken))
        {
            if (!File.Exists(blob))
                await FillAsync(address, file, blob, etag, size, isSmall, cancellationToken);
        }

        cache.Link(id.Repo, commit, file, etag);
        return place;
    }

    /// <summary>A file's identity and length. Large files answer with a redirect to their store, and tell both before it.</summary>
    private async Task<(string ETag, long? Size)> AskAsync(Uri address, string file, CancellationToken cancellationToken)
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
        // It becomes a file's name.
        if (etag is null or { Length: 0 or > 128 } || !etag.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            throw new ModelException(
                ModelFailure.HubBadAnswer,
                $"{options.Endpoint} does not say which version of {file} it has (no usable ETag). Check HF_ENDPOINT."
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
        var unfinished = $"{blob}.incomplete";
        RequireSpace(Path.GetDirectoryName(blob)!, file, size - LengthOf(unfinished));
        for (var isSecondTry = false; ; isSecondTry = true)
        {
            await transport.WithRetriesAsync(
                file,
                () => ReceiveAsync(address, file, unfinished, size, isSmall, cancellationToken),
                () => LengthOf(unfinished),
                cancellationToken
            );
            if (await IsRightAsync(unfinished, etag, size, cancellationToken))
                break;
            File.Delete(unfinished); // a resumed beginning may have been the wrong one: once more from the start
            if (isSecondTry)
                throw new ModelException(
                    ModelFailure.HubBadAnswer,
                    $"{file} of {id} arrived twice with other bytes than its hash promises ({etag}). "
                        + $"Something between here and {options.Endpoint} changes it; nothing was kept."
                );
        }

        File.Move(unfinished, blob, overwrite: true);
    }

    /// <summary>Said before an hour of downloading, not after it.</summary>
    private void RequireSpace(string folder, string file, long? needed)
    {
        var free = OnDisk(() => new DriveInfo(folder).AvailableFreeSpace);
        if (needed > free)
            throw new ModelException(
                ModelFailure.CacheUnwritable,
                $"{file} needs {needed:N0} bytes, but the disk of the cache {cache.Folder} has only {free:N0} left. "
                    + "Free some space, or set HF_HUB_CACHE to another folder."
            );
    }

    private async Task<bool> ReceiveAsync(
        Uri address,
        string file,
        string unfinished,
        long? size,
        bool isSmall,
        CancellationToken cancellationToken
    )
    {
        var have = LengthOf(unfinished);
        if (have > 0 && have >= size)
            return true; // whole, or too long: its hash and length decide
        using var response = await transport.SendAsync(HttpMethod.Get, address, have, null, cancellationToken);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            File.Delete(unfinished);
            throw new IOException("the server does not know the part that is missing");
        }

        HubAnswer.Require(response, id, file, options);
        // A server that ignores the range sends everything.
        var resumes = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == have;
        if (response.StatusCode == HttpStatusCode.PartialContent && !resumes)
            throw new IOException("the server sends another part than the one asked for");
        await using var target = OnDisk(() =>
            new FileStream(unfinished, resumes ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.Read, 0)
        );
        await using var source = await transport.WithinTimeoutAsync(limit => response.Content.ReadAsStreamAsync(limit), cancellationToken);
        var received = resumes ? have : 0;
        var maximum = size ?? (isSmall ? MostForSmallFiles : long.MaxValue);
        var buffer = new byte[1 << 17];
        while (
            await transport.WithinTimeoutAsync(limit => source.ReadAsync(buffer, limit).AsTask(), cancellationToken) is var count and > 0
        )
        {
            received += count;
            if (received > maximum)
                throw new ModelException(
                    ModelFailure.HubBadAnswer,
                    $"{options.Endpoint} sends more of {file} than the {maximum:N0} bytes that it has."
                );
            OnDisk(() => target.Write(buffer, 0, count));
            progress?.Report(new HubProgress(file, received, size));
        }

        OnDisk(() => target.Flush(flushToDisk: true));
        return received >= (size ?? 0) ? true : throw new IOException($"the connection closed after {received:N0} of {size:N0} bytes");
    }

    /// <summary>A full disk must not look like a broken connection, which is tried again.</summary>
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

    /// <summary>Large files are named by their SHA-256; of others only the length is known.</summary>
    private static async Task<bool> IsRightAsync(string path, string etag, long? size, CancellationToken cancellationToken)
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
