using System.Net;
using AgCam.Images;
using Amazon.Runtime;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace AgCam.Pipeline.References;

/// <summary>
/// What an answer of S3 means: to be tried again, the object's own failure, or one of the bucket or the credentials that all objects
/// share.
/// </summary>
internal static class S3Failures
{
    private static readonly string[] OfCredentials =
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

    private static readonly string[] Passing =
    [
        "SlowDown",
        "InternalError",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
    ];

    /// <summary>Whether the next try may go better.</summary>
    public static bool IsPassing(Exception e) =>
        e switch
        {
            AmazonServiceException service when OfCredentials.Contains(service.ErrorCode) => false,
            AmazonServiceException
            {
                StatusCode: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout
            } => true,
            AmazonServiceException service when Passing.Contains(service.ErrorCode) => true,
            AmazonServiceException { StatusCode: 0 } lost => lost.InnerException is HttpRequestException or IOException,
            AmazonClientException { InnerException: HttpRequestException or IOException } => true,
            HttpRequestException or IOException or TimeoutRejectedException => true,
            _ => false,
        };

    /// <returns>Null for an exception that is not S3's.</returns>
    public static ImageException? Of(Exception e, string what, int tries)
    {
        if (e is BrokenCircuitException)
            return new ImageException(
                ReferenceFailure.Unreachable,
                $"{what} could not be fetched: its bucket has been away for too long.",
                e
            );
        if (IsPassing(e))
            return new ImageException(
                ReferenceFailure.Unreachable,
                $"{what} could not be fetched in {tries} tries: {(e is TimeoutRejectedException ? "no answer in time" : e.Message)}",
                e
            );
        if (e is not AmazonServiceException { StatusCode: not 0 } answer)
            return e is AmazonClientException ? Refused($"there are no credentials, or no region, to ask with ({e.Message})") : null;
        var said = $"S3 answers {(int)answer.StatusCode} {answer.ErrorCode}: {answer.Message}";
        return answer.ErrorCode switch
        {
            "NoSuchBucket" => new ImageException(ReferenceFailure.NoBucket, $"{what}: the bucket does not exist. {said}", e),
            "InvalidObjectState" => new ImageException(
                ImageFailure.Unreadable,
                $"{what} is archived and must be restored before it can be read. {said}",
                e
            ),
            var code when OfCredentials.Contains(code) => Refused(said),
            _ => answer.StatusCode switch
            {
                HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.Gone => new ImageException(
                    ImageFailure.NotFound,
                    $"{what} does not exist. {said}",
                    e
                ),
                HttpStatusCode.Forbidden => new ImageException(
                    ReferenceFailure.Denied,
                    $"{what} may not be read (S3 says the same of an object that is missing where listing is not allowed). {said}",
                    e
                ),
                HttpStatusCode.Unauthorized or HttpStatusCode.MovedPermanently or HttpStatusCode.TemporaryRedirect => Refused(said),
                _ => new ImageException(ImageFailure.Unreadable, $"{what} cannot be read. {said}", e),
            },
        };

        ImageException Refused(string why) => new(ReferenceFailure.Credentials, $"{what} cannot be asked for: {why}", e);
    }
}
