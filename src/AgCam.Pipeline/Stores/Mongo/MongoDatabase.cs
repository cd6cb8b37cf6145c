using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Opens the collections, and translates the driver's errors into those of the contract.</summary>
internal sealed class MongoDatabase : IDisposable
{
    private readonly MongoClient _client;

    public MongoDatabase(MongoOptions options)
    {
        var settings = Settings(options);
        _client = new MongoClient(settings);
        // An acknowledged write is in the journals of a majority, so it survives the loss of the primary.
        Database = _client.GetDatabase(
            options.Database,
            new MongoDatabaseSettings { WriteConcern = WriteConcern.WMajority.With(journal: true), ReadPreference = ReadPreference.Primary }
        );
    }

    /// <exception cref="OptionsException">A file for TLS cannot be used, or a login by certificate has no certificate.</exception>
    internal static MongoClientSettings Settings(MongoOptions options)
    {
        var settings = Parse(options.Uri);
        settings.ApplicationName ??= "agcam";
        var certificate = options.Tls.ClientCertificate();
        if (certificate is null && settings.Credential?.Mechanism == "MONGODB-X509")
            throw new OptionsException(
                "Pipeline:Store asks for a login by certificate (authMechanism=MONGODB-X509), but no certificate is given. "
                    + "Name its file in Pipeline:StoreTls:CertificateFile."
            );
        if (!options.Tls.IsGiven)
            return settings;
        settings.UseTls = true;
        settings.SslSettings = new SslSettings
        {
            CheckCertificateRevocation = settings.SslSettings?.CheckCertificateRevocation ?? false,
            ClientCertificates = certificate is null ? null : [certificate],
            ServerCertificateValidationCallback = options.Tls.Validation(),
        };
        return settings;
    }

    /// <summary>Parses the address. The driver's own errors are not shown, because they repeat the address with its password.</summary>
    private static MongoClientSettings Parse(string uri)
    {
        try
        {
            return MongoClientSettings.FromConnectionString(uri);
        }
        catch (Exception e) when (e is MongoException or ArgumentException or FormatException)
        {
            throw new OptionsException(
                "Pipeline:Store is not an address of a MongoDB server. Its form is mongodb://user:password@host:port/?option=value, with "
                    + "special characters of the password percent-encoded."
            );
        }
    }

    public IMongoDatabase Database { get; }

    public IMongoCollection<RawBsonDocument> Explanations => Database.GetCollection<RawBsonDocument>("explanations");

    public IMongoCollection<RawBsonDocument> Items => Database.GetCollection<RawBsonDocument>("items");

    public IMongoCollection<MongoJob> Jobs => Database.GetCollection<MongoJob>("jobs");

    public IMongoCollection<MongoClaim> Claims => Database.GetCollection<MongoClaim>("claims");

    /// <summary>Pages of counted chunks per job with their sums, see <see cref="MongoLedger"/>.</summary>
    public IMongoCollection<MongoLedgerPage> Ledger => Database.GetCollection<MongoLedgerPage>("ledger");

    public IMongoCollection<MongoChunk> Chunks => Database.GetCollection<MongoChunk>("chunks");

    /// <summary>References of the chunks that are not done.</summary>
    public IMongoCollection<MongoReferences> References => Database.GetCollection<MongoReferences>("references");

    public IMongoCollection<MongoIsolated> Isolated => Database.GetCollection<MongoIsolated>("isolated");

    public IMongoCollection<MongoDeleted> Deleted => Database.GetCollection<MongoDeleted>("deleted");

    public IMongoCollection<BsonDocument> Provenances => Database.GetCollection<BsonDocument>("provenances");

    /// <summary>Measurements of evaluations.</summary>
    public IMongoCollection<MongoRows> Rows => Database.GetCollection<MongoRows>("rows");

    public IMongoCollection<MongoFinding> Findings => Database.GetCollection<MongoFinding>("findings");

    public IMongoCollection<MongoAuditReport> AuditReports => Database.GetCollection<MongoAuditReport>("audit_reports");

    /// <summary>Pieces of uploads, in the collection that GridFS names.</summary>
    public IMongoCollection<BsonDocument> UploadPieces => Database.GetCollection<BsonDocument>("uploads.chunks");

    public IMongoCollection<BsonDocument> Meta => Database.GetCollection<BsonDocument>("meta");

    /// <summary>Runs <paramref name="work"/> and turns transient errors into <see cref="StoreUnavailableException"/>.</summary>
    public static async Task<T> RunAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (MongoErrors.IsTransient(e))
        {
            throw new StoreUnavailableException($"MongoDB does not answer, or is busy: {e.Message}", e);
        }
    }

    public static Task RunAsync(Func<Task> work) =>
        RunAsync(async () =>
        {
            await work();
            return true;
        });

    public static bool IsDuplicate(MongoWriteException e) => e.WriteError?.Category == ServerErrorCategory.DuplicateKey;

    /// <summary>Inserts the document unless its key is stored.</summary>
    /// <returns>Whether it was inserted.</returns>
    public static async Task<bool> InsertNewAsync<T>(IMongoCollection<T> collection, T document, CancellationToken cancellationToken)
    {
        try
        {
            await collection.InsertOneAsync(document, null, cancellationToken);
            return true;
        }
        catch (MongoWriteException e) when (IsDuplicate(e))
        {
            return false;
        }
    }

    /// <summary>Inserts the documents whose keys are not stored, in unordered bulks, which have three times the rate of upserts.</summary>
    /// <returns>Whether each document was inserted.</returns>
    public static async Task<bool[]> InsertNewAsync(
        IMongoCollection<RawBsonDocument> collection,
        IReadOnlyList<RawBsonDocument> documents,
        CancellationToken cancellationToken
    )
    {
        const int Bulk = 1000;
        var isNew = new bool[documents.Count];
        Array.Fill(isNew, true);
        for (var start = 0; start < documents.Count; start += Bulk)
        {
            try
            {
                await collection.InsertManyAsync(
                    documents.Skip(start).Take(Bulk),
                    new InsertManyOptions { IsOrdered = false },
                    cancellationToken
                );
            }
            catch (MongoBulkWriteException e)
                when (e.WriteConcernError is null && e.WriteErrors.All(error => error.Category == ServerErrorCategory.DuplicateKey))
            {
                foreach (var error in e.WriteErrors)
                    isNew[start + error.Index] = false;
            }
        }
        return isNew;
    }

    public void Dispose() => _client.Dispose();
}
