using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// One file, one writer, many readers. SQLite lets one connection write at a time: here that is one thread, which runs whatever is waiting in one
/// transaction, so that a commit (and its fsync) is shared by all who wait for it.
/// </summary>
internal sealed class SqliteDatabase : IAsyncDisposable
{
    private const int MaxWritesPerCommit = 64;

    private readonly SqliteOptions _options;
    private readonly Channel<IWrite> _writes = Channel.CreateBounded<IWrite>(new BoundedChannelOptions(256) { SingleReader = true });
    private readonly ConcurrentBag<SqliteSession> _idle = [];
    private readonly SemaphoreSlim _reading;
    private readonly Task _writer;
    private readonly string _connectionString;

    public SqliteDatabase(SqliteOptions options)
    {
        _options = options;
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(options.Path))!);
        _connectionString = new SqliteConnectionStringBuilder { DataSource = options.Path, Pooling = false, DefaultTimeout = options.BusySeconds }.ToString();
        _reading = new SemaphoreSlim(options.Readers, options.Readers);
        var session = Open();
        _writer = Task.Factory.StartNew(() => WriteLoop(session), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public string File => _options.Path;

    /// <summary>Runs <paramref name="work"/> in a transaction of the writer; when the task completes, it is as durable as the options say. An exception from it undoes its writes only.</summary>
    public async Task<T> WriteAsync<T>(Func<SqliteSession, T> work, CancellationToken cancel = default)
    {
        var write = new Write<T>(work);
        await _writes.Writer.WriteAsync(write, cancel);
        return await write.Done; // not cancelled half way: whether it was written would be unknown
    }

    /// <summary>Runs <paramref name="work"/> on a connection of its own, which sees all that was written before.</summary>
    public async Task<T> ReadAsync<T>(Func<SqliteSession, T> work, CancellationToken cancel = default)
    {
        await _reading.WaitAsync(cancel);
        try
        {
            return await Task.Run(() => Read(work), cancel);
        }
        finally
        {
            _reading.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_writes.Writer.TryComplete())
            return;
        await _writer;
        while (_idle.TryTake(out var session))
            session.Dispose();
        _reading.Dispose();
    }

    private T Read<T>(Func<SqliteSession, T> work)
    {
        if (!_idle.TryTake(out var session))
            session = Open();
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
    /// WAL: readers never wait for the writer. page_size counts for a new file only: an explanation has about 1.2 KB, so 8 KB pages waste less of their tail.
    /// The write-ahead log is folded back every 4,000 pages (32 MB), not every 1,000, since each time costs two fsyncs.
    /// </summary>
    private SqliteSession Open() => new(_connectionString,
        $"""
        PRAGMA page_size = 8192;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = {(_options.Durability == SqliteDurability.Disk ? "FULL" : "NORMAL")};
        PRAGMA wal_autocheckpoint = 4000;
        PRAGMA cache_size = -65536;
        PRAGMA mmap_size = 1073741824;
        PRAGMA temp_store = MEMORY;
        """);

    private void WriteLoop(SqliteSession session)
    {
        using (session)
        {
            var batch = new List<IWrite>();
            while (_writes.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
            {
                batch.Clear();
                while (batch.Count < MaxWritesPerCommit && _writes.Reader.TryRead(out var write))
                    batch.Add(write);
                Commit(session, batch);
            }
        }
    }

    private static void Commit(SqliteSession session, List<IWrite> batch)
    {
        try
        {
            session.Execute("BEGIN IMMEDIATE");
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

    private const int Busy = 5, Locked = 6, IoError = 10, Full = 13;

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
