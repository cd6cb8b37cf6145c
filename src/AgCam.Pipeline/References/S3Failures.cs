using System.Net;
using AgCam.Images;
using Amazon.Runtime;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace AgCam.Pipeline.References;

/// <summary>
/// Classifies S3 errors: transient, a failure of the object, or a failure of bucket or credentials that all objects share.
/// </summary>
internal static class S3Failures
{
    private static readonly string[] CredentialCodes =
    [
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "InvalidSecurity",
        "TokenRefreshRequired",
        "RequestTimeTooSkewed",
        "AuthorizationHeaderMalformed",
        "PermanentRedirect",
        "IllegalLocationConstraintException",
        "NotSignedUp",
        "AccountProblem",
    ];

    private static readonly string[] TransientCodes =
    [
        "SlowDown",
        "InternalError",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
    ];

    /// <summary>Returns whether a retry may succeed.</summary>
    public static bool IsTransient(Exception e) =>
        e switch
        {
            AmazonServiceException service when CredentialCodes.Contains(service.ErrorCode) => false,
            AmazonServiceException
            {
                StatusCode: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout
            } => true,
            AmazonServiceException service when TransientCodes.Contains(service.ErrorCode) => true,
            AmazonServiceException { StatusCode: 0 } lost => lost.InnerException is HttpRequestException or IOException,
            AmazonClientException { InnerException: HttpRequestException or IOException } => true,
            HttpRequestException or IOException or TimeoutRejectedException => true,
            _ => false,
        };

    /// <summary>Converts an exception of S3 to the item's failure.</summary>
    /// <returns>Null when the exception is not from S3.</returns>
    public static ImageException? Of(Exception e, string what, int tries)
    {
        if (e is BrokenCircuitException)
            return new ImageException(
                ReferenceFailure.Unreachable,
                $"{what} could not be fetched: its bucket has failed for too long. Submit it again when the bucket answers.",
                e
            );
        if (IsTransient(e))
            return new ImageException(
                ReferenceFailure.Unreachable,
                $"{what} could not be fetched in {tries} tries: {(e is TimeoutRejectedException ? "no answer in time" : e.Message)}",
                e
            );
        if (e is not AmazonServiceException { StatusCode: not 0 } answer)
            return e is AmazonClientException ? Refused($"credentials or region are missing ({e.Message})") : null;
        var text = $"S3 answers {(int)answer.StatusCode} {answer.ErrorCode}: {answer.Message}";
        return answer.ErrorCode switch
        {
            "NoSuchBucket" => new ImageException(ReferenceFailure.NoBucket, $"{what}: the bucket does not exist. {text}", e),
            "InvalidObjectState" => new ImageException(
                ImageFailure.Unreadable,
                $"{what} is archived and must be restored before it can be read. {text}",
                e
            ),
            var code when CredentialCodes.Contains(code) => Refused(text),
            _ => answer.StatusCode switch
            {
                HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.Gone => new ImageException(
                    ImageFailure.NotFound,
                    $"{what} does not exist. {text}",
                    e
                ),
                HttpStatusCode.Forbidden => new ImageException(
                    ReferenceFailure.Denied,
                    $"{what} may not be read. Without the right to list, S3 answers the same for a missing object. {text}",
                    e
                ),
                HttpStatusCode.Unauthorized or HttpStatusCode.MovedPermanently or HttpStatusCode.TemporaryRedirect => Refused(text),
                _ => new ImageException(ImageFailure.Unreadable, $"{what} cannot be read. {text}", e),
            },
        };

        ImageException Refused(string why) =>
            new(ReferenceFailure.Credentials, $"{what} cannot be requested: {why}. Check the worker's S3 credentials and region", e);
    }
}
