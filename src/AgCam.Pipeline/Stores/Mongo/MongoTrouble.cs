using System.Collections.Frozen;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// What an error of the driver means: trouble of a server, of the cluster or of the way to it, which passes, or an error of what was
/// asked for.
/// </summary>
internal static class MongoTrouble
{
    /// <summary>
    /// Codes of answers after which the same call may succeed: those that MongoDB's specifications of retryable reads, retryable writes
    /// and server discovery name, and those of locks, limits and moving shards.
    /// </summary>
    private static readonly FrozenSet<int> Codes = new[]
    {
        6,
        7,
        89,
        9001, // HostUnreachable, HostNotFound, NetworkTimeout, SocketException
        10058,
        10107,
        13435,
        13436, // LegacyNotPrimary, NotWritablePrimary, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary
        91,
        189,
        11600,
        11602, // ShutdownInProgress, PrimarySteppedDown, InterruptedAtShutdown, InterruptedDueToReplStateChange
        50,
        202,
        262, // MaxTimeMSExpired, NetworkInterfaceExceededTimeLimit, ExceededTimeLimit
        133,
        134, // FailedToSatisfyReadPreference, ReadConcernMajorityNotAvailableYet
        64,
        79,
        100, // WriteConcernFailed, UnknownReplWriteConcern, UnsatisfiableWriteConcern
        24,
        46,
        112, // LockTimeout, LockBusy, WriteConflict
        43,
        175,
        237,
        11601, // CursorNotFound, QueryPlanKilled, CursorKilled, Interrupted
        63,
        150,
        13388, // StaleShardVersion, StaleEpoch, StaleConfig
        314,
        462,
        14031, // ObjectIsBusy, IngressRequestRateLimitExceeded, OutOfDiskSpace
    }.ToFrozenSet();

    /// <summary>Codes of answers that no later try changes: the server does not know what was asked, or does not allow it.</summary>
    private static readonly FrozenSet<int> Refusals = new[]
    {
        2,
        9,
        72,
        40415, // BadValue, FailedToParse, InvalidOptions, an unknown field
        13, // Unauthorized
        59,
        115,
        238, // CommandNotFound, CommandNotSupported, NotImplemented
        168,
        15952,
        40324, // InvalidPipelineOperator, an unknown accumulator, an unknown stage
    }.ToFrozenSet();

    private static readonly string[] Labels =
    [
        "RetryableWriteError",
        "RetryableReadError",
        "TransientTransactionError",
        "SystemOverloadedError",
    ];

    /// <summary>Whether the server is too old, lacks a feature or refuses it.</summary>
    public static bool IsRefusal(Exception e) =>
        e switch
        {
            MongoIncompatibleDriverException or NotSupportedException => true,
            MongoCommandException command => Refusals.Contains(command.Code),
            MongoWriteException { WriteError: { } error } => Refusals.Contains(error.Code),
            MongoBulkWriteException bulk => bulk.WriteErrors.Any(error => Refusals.Contains(error.Code)),
            _ => false,
        };

    public static bool IsPassing(Exception e) =>
        e switch
        {
            MongoConnectionException
            or MongoConnectionPoolPausedException
            or MongoWaitQueueFullException
            or MongoNotPrimaryException
            or MongoNodeIsRecoveringException
            or MongoExecutionTimeoutException
            or MongoWriteConcernException
            or MongoCursorNotFoundException
            or TimeoutException => true,
            MongoException labelled when Labels.Any(labelled.HasErrorLabel) => true,
            MongoCommandException command => Codes.Contains(command.Code),
            MongoWriteException write => write.WriteConcernError is not null || write.WriteError is { } error && Codes.Contains(error.Code),
            // Duplicates beside what passes are found again by the next try.
            MongoBulkWriteException bulk => (
                bulk.WriteConcernError is not null || bulk.WriteErrors.Any(error => Codes.Contains(error.Code))
            ) && bulk.WriteErrors.All(error => error.Category == ServerErrorCategory.DuplicateKey || Codes.Contains(error.Code)),
            _ => false,
        };
}
