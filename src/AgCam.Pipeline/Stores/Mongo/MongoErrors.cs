using System.Collections.Frozen;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Classifies the driver's errors: transient, refused by the server, or neither.</summary>
internal static class MongoErrors
{
    /// <summary>
    /// Codes of transient errors: those that MongoDB's specifications of retryable reads, retryable writes and server discovery name,
    /// and those of locks, limits and moving shards.
    /// </summary>
    private static readonly FrozenSet<int> TransientCodes = new[]
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

    /// <summary>TransientCodes of final errors: the server does not know the command, or does not allow it.</summary>
    private static readonly FrozenSet<int> RefusalCodes = new[]
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

    private static readonly string[] TransientLabels =
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
            MongoCommandException command => RefusalCodes.Contains(command.Code),
            MongoWriteException { WriteError: { } error } => RefusalCodes.Contains(error.Code),
            MongoBulkWriteException bulk => bulk.WriteErrors.Any(error => RefusalCodes.Contains(error.Code)),
            _ => false,
        };

    /// <summary>Whether the same call may succeed later.</summary>
    public static bool IsTransient(Exception e) =>
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
            MongoException labelled when TransientLabels.Any(labelled.HasErrorLabel) => true,
            MongoCommandException command => TransientCodes.Contains(command.Code),
            MongoWriteException write => write.WriteConcernError is not null
                || write.WriteError is { } error && TransientCodes.Contains(error.Code),
            // A retry finds the duplicates of a bulk write again.
            MongoBulkWriteException bulk => (
                bulk.WriteConcernError is not null || bulk.WriteErrors.Any(error => TransientCodes.Contains(error.Code))
            ) && bulk.WriteErrors.All(error => error.Category == ServerErrorCategory.DuplicateKey || TransientCodes.Contains(error.Code)),
            _ => false,
        };
}
