using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Runs all writes of one file on one thread, and reads on connections of their own. SQLite lets one connection write at a time.
/// Short writes that wait at the same time share a transaction, and so its fsync. Writes of hundreds of rows have their own queue and
/// are committed one at a time between the short ones, so a lease waits for at most one of them.
/// </summary>
internal sealed class SqliteDatabase : IAsyncDisposable
{
    private const int MaxWritesPerCommit = 64;

    private readonly SqliteOptions _options;
    private readonly Channel<IWrite> _short = Channel.CreateBounded<IWrite>(new BoundedChannelOptions(256) { SingleReader = true });
    private readonly Channel<IWrite> _long = Channel.CreateBounded<IWrite>(new BoundedChannelOptions(16) { SingleReader = true });
    private readonly SemaphoreSlim _pendingWrites = new(0);
    private readonly ConcurrentBag<SqliteSession> _idleReaders = [];
    private readonly SemaphoreSlim _readerSlots;
    private readonly Task _writer;
    private readonly string _connectionString;
    private readonly int _schemaVersion;

    /// <param name="schemaVersion">Version that this program writes. A file of a newer version is never written.</param>
    public SqliteDatabase(SqliteOptions options, int schemaVersion = StoreSchema.Version)
    {
        _options = options;
        _schemaVersion = schemaVersion;
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(options.Path))!);
        _connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = options.Path,
            Pooling = false,
            DefaultTimeout = options.BusySeconds,
        }.ToString();
        _readerSlots = new SemaphoreSlim(options.Readers, options.Readers);
        var session = Open(cacheMiB: 64);
        _writer = Task.Factory.StartNew(
            () => WriteLoop(session),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );
    }

    public string File => _options.Path;

    public int RecentRows => _options.RecentRows;

    /// <summary>
    /// Runs <paramref name="work"/> in a transaction of the writer. When the task completes, its writes are as durable as the options
    /// say. An exception rolls back the writes of this call only.
    /// </summary>
    public Task<T> WriteAsync<T>(Func<SqliteSession, T> work, CancellationToken cancellationToken = default) =>
        WriteAsync(_short, work, cancellationToken);

    /// <summary>
    /// Does the same as <see cref="WriteAsync{T}(Func{SqliteSession, T}, CancellationToken)"/> for work that takes milliseconds. Short
    /// writes go first.
    /// </summary>
    public Task<T> WriteManyAsync<T>(Func<SqliteSession, T> work, CancellationToken cancellationToken = default) =>
        WriteAsync(_long, work, cancellationToken);

    /// <summary>Runs <paramref name="work"/> on a reading connection, which sees every write that completed before.</summary>
    public async Task<T> ReadAsync<T>(Func<SqliteSession, T> work, CancellationToken cancellationToken = default)
    {
        await _readerSlots.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => Read(work), cancellationToken);
        }
        finally
        {
            _readerSlots.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_short.Writer.TryComplete())
            return;
        _long.Writer.TryComplete();
        _pendingWrites.Release();
        await _writer;
        while (_idleReaders.TryTake(out var session))
            session.Dispose();
        _readerSlots.Dispose();
    }

    private async Task<T> WriteAsync<T>(Channel<IWrite> queue, Func<SqliteSession, T> work, CancellationToken cancellationToken)
    {
        var write = new Write<T>(work);
        await queue.Writer.WriteAsync(write, cancellationToken);
        _pendingWrites.Release();
        return await write.Done; // not cancellable: the caller could not know whether it was written
    }

    private T Read<T>(Func<SqliteSession, T> work)
    {
        if (!_idleReaders.TryTake(out var session))
            session = Open(cacheMiB: 16);
        try
        {
            return work(session);
        }
        catch (SqliteException e) when (IsTransient(e))
        {
            throw Unavailable(e);
        }
        finally
        {
            _idleReaders.Add(session);
        }
    }

    /// <summary>
    /// WAL: readers never wait for the writer. page_size counts for a new file only: an explanation of ViT-B has about 2.9 KB, of which a
    /// page of 16 KB holds five and one of 8 KB two. The write-ahead log is folded back every 4,000 pages (64 MB), not every 1,000: index
    /// pages are written again and again, and go to the file once. The mapping is limited and readers' caches are small, since each
    /// connection has its own.
    /// </summary>
    private SqliteSession Open(int cacheMiB) =>
        Open(
            $"""
            PRAGMA page_size = 16384;
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = {(_options.Durability == SqliteDurability.Disk ? "FULL" : "NORMAL")};
            PRAGMA wal_autocheckpoint = 4000;
            PRAGMA cache_size = -{cacheMiB << 10};
            PRAGMA mmap_size = {_options.MappedBytes};
            PRAGMA temp_store = MEMORY;
            """
        );

    private SqliteSession Open(string pragmas)
    {
        try
        {
            return new SqliteSession(_connectionString, pragmas);
        }
        catch (SqliteException e) when (e.SqliteErrorCode == NotADatabase)
        {
            throw new StoreSchemaException($"{_options.Path} is not an SQLite database. Point Pipeline:Store at another file.");
        }
    }

    private void WriteLoop(SqliteSession session)
    {
        using (session)
        {
            var batch = new List<IWrite>();
            while (!(_short.Reader.Completion.IsCompleted && _long.Reader.Completion.IsCompleted))
            {
                _pendingWrites.Wait(); // released once per write and once at the end
                batch.Clear();
                while (batch.Count < MaxWritesPerCommit && _short.Reader.TryRead(out var write))
                    batch.Add(write);
                if (batch.Count > 0)
                    Commit(session, batch);
                if (_long.Reader.TryRead(out var longWrite))
                    Commit(session, [longWrite]);
            }
        }
    }

    private void Commit(SqliteSession session, List<IWrite> batch)
    {
        try
        {
            session.Execute("BEGIN IMMEDIATE"); // takes the write lock now: a later upgrade could fail with SQLITE_BUSY
            ThrowIfNewer(session); // inside the transaction: no migration can run between this check and the commit
            if (batch is [var single])
                single.Run(session);
            else
                foreach (var write in batch)
                    Run(session, write);
            session.Execute("COMMIT");
        }
        catch (Exception e)
        {
            if (session.InTransaction)
                session.Execute("ROLLBACK");
            foreach (var write in batch)
                write.Fail(e is SqliteException sqlite && IsTransient(sqlite) ? Unavailable(sqlite) : e);
            return;
        }
        foreach (var write in batch)
            write.Complete();
    }

    /// <exception cref="StoreSchemaException">A newer process has migrated the file.</exception>
    private void ThrowIfNewer(SqliteSession session)
    {
        var found = (int)session.Number("PRAGMA user_version")!.Value;
        if (found > _schemaVersion && session.Number("PRAGMA application_id") == SqliteSchema.ApplicationId)
            StoreSchema.ThrowIfNewer(File, found, _schemaVersion);
    }

    /// <summary>
    /// Runs one of several writes in a savepoint, so that its failure rolls back no other. A single write has none, because a savepoint
    /// copies each page before its first change.
    /// </summary>
    private static void Run(SqliteSession session, IWrite write)
    {
        session.Execute("SAVEPOINT single_write");
        try
        {
            write.Run(session);
        }
        catch (Exception e) when (session.InTransaction)
        {
            session.Execute("ROLLBACK TO single_write");
            write.Fail(e is SqliteException sqlite && IsTransient(sqlite) ? Unavailable(sqlite) : e);
        }
        session.Execute("RELEASE single_write");
    }

    private const int Busy = 5,
        Locked = 6,
        IoError = 10,
        Full = 13,
        NotADatabase = 26;

    private static bool IsTransient(SqliteException e) => e.SqliteErrorCode is Busy or Locked or IoError or Full;

    private static StoreUnavailableException Unavailable(SqliteException e) =>
        new($"The database cannot be used now: {e.Message} Another process may hold its lock, or its disk may be full.", e);

    private interface IWrite
    {
        void Run(SqliteSession session);

        void Complete();

        void Fail(Exception e);
    }

    private sealed class Write<T>(Func<SqliteSession, T> work) : IWrite
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _result;

        public Task<T> Done => _done.Task;

        public void Run(SqliteSession session) => _result = work(session);

        public void Complete() => _done.TrySetResult(_result!);

        public void Fail(Exception e) => _done.TrySetException(e);
    }
}
