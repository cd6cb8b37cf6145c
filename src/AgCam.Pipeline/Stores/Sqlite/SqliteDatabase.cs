using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// One file, one writer, many readers. SQLite lets one connection write at a time: here that is one thread, which runs whatever is
/// waiting in one transaction, so that a commit (and its fsync) is shared by all who wait for it. Writes of hundreds of rows have a
/// queue of their own and are committed one at a time between the others: a lease, or the one image that somebody waits for, never
/// stands behind more than one of them.
/// </summary>
internal sealed class SqliteDatabase : IAsyncDisposable
{
    private const int MaxWritesPerCommit = 64;

    private readonly SqliteOptions _options;
    private readonly Channel<IWrite> _short = Channel.CreateBounded<IWrite>(new BoundedChannelOptions(256) { SingleReader = true });
    private readonly Channel<IWrite> _long = Channel.CreateBounded<IWrite>(new BoundedChannelOptions(16) { SingleReader = true });
    private readonly SemaphoreSlim _waiting = new(0);
    private readonly ConcurrentBag<SqliteSession> _idle = [];
    private readonly SemaphoreSlim _reading;
    private readonly Task _writer;
    private readonly string _connectionString;
    private readonly int _schemaVersion;

    /// <param name="schemaVersion">The version that this program writes. To a file of a newer one nothing is written.</param>
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
        _reading = new SemaphoreSlim(options.Readers, options.Readers);
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
    /// Runs <paramref name="work"/> in a transaction of the writer; when the task completes, it is as durable as the options say. An
    /// exception from it undoes its writes only.
    /// </summary>
    public Task<T> WriteAsync<T>(Func<SqliteSession, T> work, CancellationToken cancellationToken = default) =>
        WriteAsync(_short, work, cancellationToken);

    /// <summary>
    /// As <see cref="WriteAsync{T}(Func{SqliteSession, T}, CancellationToken)"/>, for work that takes milliseconds: what is short goes
    /// first.
    /// </summary>
    public Task<T> WriteManyAsync<T>(Func<SqliteSession, T> work, CancellationToken cancellationToken = default) =>
        WriteAsync(_long, work, cancellationToken);

    /// <summary>Runs <paramref name="work"/> on a connection of its own, which sees all that was written before.</summary>
    public async Task<T> ReadAsync<T>(Func<SqliteSession, T> work, CancellationToken cancellationToken = default)
    {
        await _reading.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => Read(work), cancellationToken);
        }
        finally
        {
            _reading.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_short.Writer.TryComplete())
            return;
        _long.Writer.TryComplete();
        _waiting.Release();
        await _writer;
        while (_idle.TryTake(out var session))
            session.Dispose();
        _reading.Dispose();
    }

    private async Task<T> WriteAsync<T>(Channel<IWrite> queue, Func<SqliteSession, T> work, CancellationToken cancellationToken)
    {
        var write = new Write<T>(work);
        await queue.Writer.WriteAsync(write, cancellationToken);
        _waiting.Release();
        return await write.Done; // not cancelled half way: whether it was written would be unknown
    }

    private T Read<T>(Func<SqliteSession, T> work)
    {
        if (!_idle.TryTake(out var session))
            session = Open(cacheMiB: 16);
        try
        {
            return work(session);
        }
        catch (SqliteException e) when (IsPassing(e))
        {
            throw Unavailable(e);
        }
        finally
        {
            _idle.Add(session);
        }
    }

    /// <summary>
    /// WAL: readers never wait for the writer. page_size counts for a new file only: an explanation has about 1.2 KB, so 8 KB pages
    /// waste less of their tail. The write-ahead log is folded back every 8,000 pages (64 MB), not every 1,000: index pages are written
    /// again and again, and go to the file once. The mapping is limited and readers' caches are small, since each connection has its own.
    /// </summary>
    private SqliteSession Open(int cacheMiB) =>
        Open(
            $"""
            PRAGMA page_size = 8192;
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = {(_options.Durability == SqliteDurability.Disk ? "FULL" : "NORMAL")};
            PRAGMA wal_autocheckpoint = 8000;
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
            throw new StoreSchemaException($"{_options.Path} is no SQLite database. Name another file.");
        }
    }

    private void WriteLoop(SqliteSession session)
    {
        using (session)
        {
            var batch = new List<IWrite>();
            while (!(_short.Reader.Completion.IsCompleted && _long.Reader.Completion.IsCompleted))
            {
                _waiting.Wait(); // a write, or the end; of several one wakes, and finds all
                batch.Clear();
                while (batch.Count < MaxWritesPerCommit && _short.Reader.TryRead(out var write))
                    batch.Add(write);
                if (batch.Count > 0)
                    Commit(session, batch);
                if (_long.Reader.TryRead(out var many))
                    Commit(session, [many]);
            }
        }
    }

    private void Commit(SqliteSession session, List<IWrite> batch)
    {
        try
        {
            session.Execute("BEGIN IMMEDIATE");
            ThrowIfNewer(session); // in the transaction, so that no migration comes between this and the commit
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
                write.Fail(e is SqliteException sqlite && IsPassing(sqlite) ? Unavailable(sqlite) : e);
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
    /// One of several. For the only one the transaction itself does: a savepoint copies each page before its first change.
    /// </summary>
    private static void Run(SqliteSession session, IWrite write)
    {
        session.Execute("SAVEPOINT one");
        try
        {
            write.Run(session);
        }
        catch (Exception e) when (session.InTransaction)
        {
            session.Execute("ROLLBACK TO one");
            write.Fail(e is SqliteException sqlite && IsPassing(sqlite) ? Unavailable(sqlite) : e);
        }
        session.Execute("RELEASE one");
    }

    private const int Busy = 5,
        Locked = 6,
        IoError = 10,
        Full = 13,
        NotADatabase = 26;

    private static bool IsPassing(SqliteException e) => e.SqliteErrorCode is Busy or Locked or IoError or Full;

    private static StoreUnavailableException Unavailable(SqliteException e) =>
        new($"The database does not answer: {e.Message} Another process may be writing to it for long, or its disk may be full.", e);

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
