using MongoDB.Bson;
using Npgsql;

namespace AgCam.DocumentDbGateway;

/// <summary>Error of a command that the gateway refuses, with MongoDB's error code.</summary>
internal sealed class BadCommandException(int code, string message) : Exception(message)
{
    public int Code => code;
}

/// <summary>Error of a batch that was rolled back because of a deadlock.</summary>
internal sealed class WriteConflictException() : Exception("The batch kept meeting deadlocks with other batches.");

/// <summary>Maps PostgreSQL's five-letter error states, including documentdb's (M....), to MongoDB's numbers.</summary>
internal static class ErrorCodes
{
    public const int BadValue = 2,
        CursorNotFound = 43,
        CommandNotFound = 59,
        WriteConflict = 112;
    private const int InternalError = 1,
        DuplicateKey = 11000;

    private static readonly Dictionary<string, (int Code, string Name)> Known = new()
    {
        [PostgresErrorCodes.UniqueViolation] = (DuplicateKey, "DuplicateKey"),
        [PostgresErrorCodes.ExclusionViolation] = (DuplicateKey, "DuplicateKey"), // documentdb's unique indexes are exclusion constraints
        ["M001C"] = (DuplicateKey, "DuplicateKey"),
        [PostgresErrorCodes.DeadlockDetected] = (WriteConflict, "WriteConflict"),
        [PostgresErrorCodes.SerializationFailure] = (WriteConflict, "WriteConflict"),
        [PostgresErrorCodes.LockNotAvailable] = (24, "LockTimeout"),
        [PostgresErrorCodes.QueryCanceled] = (50, "MaxTimeMSExpired"),
        [PostgresErrorCodes.DiskFull] = (14031, "OutOfDiskSpace"),
        ["M0001"] = (BadValue, "BadValue"),
        ["M0003"] = (9, "FailedToParse"),
        ["M0004"] = (14, "TypeMismatch"),
        ["M0005"] = (15, "Overflow"),
        ["M0006"] = (20, "IllegalOperation"),
        ["M0008"] = (26, "NamespaceNotFound"),
        ["M0009"] = (27, "IndexNotFound"),
        ["M000A"] = (28, "PathNotViable"),
        ["M000D"] = (40, "ConflictingUpdateOperators"),
        ["M000E"] = (CursorNotFound, "CursorNotFound"),
        ["M000F"] = (48, "NamespaceExists"),
        ["M000G"] = (52, "DollarPrefixedFieldName"),
        ["M000L"] = (61, "ShardKeyNotFound"),
        ["M000M"] = (66, "ImmutableField"),
        ["M000N"] = (67, "CannotCreateIndex"),
        ["M000P"] = (72, "InvalidOptions"),
        ["M000Q"] = (73, "InvalidNamespace"),
        ["M000R"] = (85, "IndexOptionsConflict"),
        ["M000S"] = (86, "IndexKeySpecsConflict"),
        ["M000U"] = (115, "CommandNotSupported"),
        ["M000W"] = (146, "ExceededMemoryLimit"),
        ["M00CO"] = (121, "DocumentValidationFailure"),
        ["M00EX"] = (50, "MaxTimeMSExpired"),
        ["M001B"] = (10334, "BSONObjectTooLarge"),
        ["M0088"] = (40415, "Location40415"),
    };

    /// <summary>
    /// Whether the database is stopping, starting or gone: admin shutdown, crash shutdown, cannot connect now, connection exceptions.
    /// </summary>
    public static bool MeansServerIsAway(string state) =>
        state is "57P01" or "57P02" or "57P03" || state.StartsWith("08", StringComparison.Ordinal);

    public static bool MeansTryAgain(string state) =>
        state is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure;

    public static BsonDocument Reply(PostgresException failure)
    {
        var (code, name) = Known.GetValueOrDefault(failure.SqlState, (InternalError, "InternalError"));
        return Reply(code, $"{failure.MessageText} ({failure.SqlState})").Add("codeName", name);
    }

    public static BsonDocument Reply(int code, string message) =>
        new()
        {
            { "ok", 0.0 },
            { "errmsg", message },
            { "code", code },
        };

    /// <summary>
    /// Returns the error state of a write error's number. PostgreSQL packs five letters into six bits each. Other numbers are unchanged.
    /// </summary>
    public static int FromPacked(int packed)
    {
        if (packed < 1 << 24)
            return packed;
        var state = string.Create(
            5,
            packed,
            static (letters, number) =>
            {
                for (var i = 0; i < letters.Length; i++)
                    letters[i] = (char)((number >> (6 * i) & 0x3F) + '0');
            }
        );
        return Known.TryGetValue(state, out var known) ? known.Code : InternalError;
    }
}
