using System.Runtime.CompilerServices;
using AgCam.Images;
using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;
using Amazon.S3;
using Amazon.S3.Model;

namespace AgCam.Pipeline.References;

/// <summary>Reads and lists objects of the buckets that the operator allows.</summary>
internal sealed class S3Objects
{
    private const int PageSize = 1000;
    private const string Version = "version:";

    private readonly S3Options _options;
    private readonly ImageLimits _limits;
    private readonly HostCircuitBreaker _circuitBreaker;
    private volatile AmazonS3Client? _client;

    /// <param name="maxOutage">See <see cref="ReferenceOptions.HostOutageSeconds"/>.</param>
    public S3Objects(S3Options options, ImageLimits limits, TimeSpan maxOutage)
    {
        (_options, _limits) = (options, limits);
        _circuitBreaker = new HostCircuitBreaker(
            new HostRetryOptions(options.Tries, TimeSpan.FromSeconds(options.Seconds), maxOutage),
            S3Failures.IsTransient,
            S3Failures.IsTransient
        );
    }

    /// <summary>Returns the stamp of an object from a listing, or read without a version.</summary>
    public static string StampOf(string etag, long bytes) => $"{etag.Trim('"')}@{bytes}";

    /// <summary>Returns the stamp of an object's version, which is immutable.</summary>
    public static string StampOfVersion(string id) => Version + id;

    /// <summary>Parses an address and throws when it may not be read.</summary>
    /// <exception cref="ImageException">not-allowed: the address is malformed or in no allowed bucket.</exception>
    public S3Place Check(string uri) =>
        S3Place.Parse(uri) is not { Key.Length: > 0, IsPlain: true } place
            ? throw new ImageException(ReferenceFailure.NotAllowed, $"{uri} is not s3://bucket/key, or has . or .. as a part of its key.")
        : IsAllowed(place) ? place
        : throw new ImageException(
            ReferenceFailure.NotAllowed,
            $"{uri} is in no bucket that may be read. The operator allows one with Pipeline:References:S3:Buckets."
        );

    public bool IsAllowed(S3Place place) => _options.Buckets.Any(place.IsBelow);

    /// <summary>Reads an object.</summary>
    /// <param name="stamp">Stamp of the reference. "version:ID" reads that version, any other the newest.</param>
    /// <exception cref="ImageException">not-allowed, not-found, too-many-bytes, denied, no-such-bucket, credentials, or unreachable after
    /// several attempts.</exception>
    public async Task<ReadImage> ReadAsync(string uri, string? stamp, CancellationToken cancellationToken)
    {
        var place = Check(uri);
        var version = stamp is not null && stamp.StartsWith(Version, StringComparison.Ordinal) ? stamp[Version.Length..] : null;
        return await CallAsync(
            place.Bucket,
            uri,
            async (client, cancellationToken) =>
            {
                using var answer = await client.GetObjectAsync(
                    new GetObjectRequest
                    {
                        BucketName = place.Bucket,
                        Key = place.Key,
                        VersionId = version,
                    },
                    cancellationToken
                );
                var bytes = await BytesAsync(answer, uri, cancellationToken);
                return new ReadImage(bytes, version is not null ? stamp : StampOf(answer.ETag ?? "", bytes.Length));
            },
            cancellationToken
        );
    }

    /// <summary>Lists objects page by page, in UTF-8 order of their keys.</summary>
    /// <param name="after">Key after which the listing starts; null for all.</param>
    /// <exception cref="ImageException">See <see cref="ReadAsync"/>.</exception>
    public async IAsyncEnumerable<(string Key, string Stamp)> ListAsync(
        S3Place prefix,
        string? after,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        string? next = null;
        do
        {
            var page = await CallAsync(
                prefix.Bucket,
                $"{prefix}",
                (client, cancellationToken) =>
                    client.ListObjectsV2Async(
                        new ListObjectsV2Request
                        {
                            BucketName = prefix.Bucket,
                            Prefix = prefix.Key,
                            MaxKeys = PageSize,
                            ContinuationToken = next,
                            StartAfter = next is null ? after : null,
                        },
                        cancellationToken
                    ),
                cancellationToken
            );
            foreach (var found in page.S3Objects ?? [])
                yield return (found.Key, StampOf(found.ETag ?? "", found.Size ?? 0));
            next = page.IsTruncated == true ? page.NextContinuationToken : null;
        } while (next is not null);
    }

    private async Task<T> CallAsync<T>(
        string bucket,
        string what,
        Func<AmazonS3Client, CancellationToken, Task<T>> call,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await _circuitBreaker.CallAsync(
                bucket,
                cancellationToken => call(_client ??= Create(), cancellationToken),
                cancellationToken
            );
        }
        catch (Exception e)
            when (e is not ImageException and not OperationCanceledException && S3Failures.Of(e, what, _options.Tries) is { } failure)
        {
            if (failure.Reason == ReferenceFailure.Credentials)
                _client = null; // the next call reads the credentials again
            throw failure;
        }
    }

    private AmazonS3Client Create()
    {
        var config = new AmazonS3Config
        {
            ForcePathStyle = _options.PathStyle,
            MaxErrorRetry = 0, // HostCircuitBreaker retries
            Timeout = Timeout.InfiniteTimeSpan,
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (_options.Endpoint is { } endpoint)
            (config.ServiceURL, config.AuthenticationRegion) = (endpoint, _options.Region ?? RegionEndpoint.USEast1.SystemName);
        else if (_options.Region is { } region)
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        if (_options.CredentialsFile is not { } file)
            return new AmazonS3Client(config);
        return new CredentialProfileStoreChain(file).TryGetAWSCredentials("default", out var credentials)
            ? new AmazonS3Client(credentials, config)
            : throw new AmazonClientException($"{file} has no credentials under [default]");
    }

    private async Task<byte[]> BytesAsync(GetObjectResponse answer, string uri, CancellationToken cancellationToken)
    {
        var length = answer.ContentLength;
        if (length > _limits.MaxBytes)
            throw TooMany(uri);
        var bytes =
            await BoundedRead.ToEndAsync(answer.ResponseStream, _limits.MaxBytes, cancellationToken, expected: length)
            ?? throw TooMany(uri);
        return bytes.Length < length ? throw new IOException($"{bytes.Length} of {length} bytes were received") : bytes;
    }

    private ImageException TooMany(string uri) =>
        new(ImageFailure.TooManyBytes, $"{uri} has more than {_limits.MaxBytes} bytes, the limit.");
}
