namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Defines the tables. The row id of a chunk or item is the number of its owner (owners.no) in the upper 32 bits and its own number in
/// the lower. So the rows of a job are adjacent, and every index breaks ties by number. The columns state, status and kind hold the
/// numbers of <see cref="Records.JobState"/>, <see cref="Records.ChunkState"/>, <see cref="Records.ItemStatus"/> and
/// <see cref="ClaimKind"/>. Times are milliseconds since 1970.
/// </summary>
internal static class SqliteSchema
{
    public static long RowId(long owner, int number) => owner << 32 | (uint)number;

    public static int Number(long rowId) => (int)(rowId & int.MaxValue);

    public static long Owner(long rowId) => rowId >> 32;

    /// <summary>Value of PRAGMA application_id in a store: "AgCm" in ASCII. Files from before the first release have 0.</summary>
    public const int ApplicationId = 0x4167_436D;

    /// <summary>Statements for each version after the first. Entry i migrates version i + 1 to version i + 2.</summary>
    public static readonly IReadOnlyList<string> Migrations = [];

    /// <summary>Statements that create a new store.</summary>
    public static readonly string Tables = $"""
        -- AUTOINCREMENT never reuses a number: late messages of a deleted job must not find another one.
        CREATE TABLE owners (
            no INTEGER PRIMARY KEY AUTOINCREMENT,
            id BLOB NOT NULL UNIQUE,
            kind INTEGER,
            hash BLOB,
            key_name TEXT);

        CREATE TABLE jobs (
            no INTEGER PRIMARY KEY,
            id BLOB NOT NULL,
            spec BLOB NOT NULL,
            hash BLOB NOT NULL,
            source TEXT NOT NULL,
            owner TEXT,
            created INTEGER NOT NULL,
            state INTEGER NOT NULL,
            reason TEXT,
            planner TEXT,
            planner_until INTEGER,
            images INTEGER,
            chunks INTEGER,
            done INTEGER NOT NULL DEFAULT 0,
            completed INTEGER NOT NULL DEFAULT 0,
            failed INTEGER NOT NULL DEFAULT 0,
            correct INTEGER NOT NULL DEFAULT 0,
            labelled INTEGER NOT NULL DEFAULT 0,
            finished INTEGER,
            notified INTEGER NOT NULL DEFAULT 0,
            failure_rate_checked INTEGER NOT NULL DEFAULT 0,
            notifier TEXT,
            notifier_until INTEGER,
            event_published INTEGER NOT NULL DEFAULT 0,
            generation INTEGER NOT NULL DEFAULT 0);
        -- For the list of jobs, of all keys and of one.
        CREATE INDEX jobs_created ON jobs (created, id);
        CREATE INDEX jobs_owner ON jobs (owner, created, id) WHERE owner IS NOT NULL;
        -- For planners, retention and notifiers, which poll; partial indexes stay small beside many ended jobs.
        CREATE INDEX jobs_unplanned ON jobs (no) WHERE chunks IS NULL;
        CREATE INDEX jobs_finished ON jobs (finished, no) WHERE finished IS NOT NULL;
        CREATE INDEX jobs_pending_notification ON jobs (no) WHERE state = 3 AND notified = 0;

        CREATE TABLE job_tags (
            tag TEXT NOT NULL,
            no INTEGER NOT NULL,
            PRIMARY KEY (tag, no)) WITHOUT ROWID;

        -- Deletions in progress, and finished ones whose late messages are still recognised.
        CREATE TABLE deleted (
            no INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            finished INTEGER NOT NULL DEFAULT 0);

        CREATE TABLE chunks (
            id INTEGER PRIMARY KEY,
            owner INTEGER NOT NULL,
            direct INTEGER NOT NULL DEFAULT 0,
            state INTEGER NOT NULL,
            first INTEGER NOT NULL,
            count INTEGER NOT NULL,
            last TEXT NOT NULL,
            publish_count INTEGER NOT NULL DEFAULT 0,
            attempts INTEGER NOT NULL DEFAULT 0,
            crashes INTEGER NOT NULL DEFAULT 0,
            note TEXT,
            worker TEXT,
            until INTEGER,
            published INTEGER,
            leased INTEGER,
            done INTEGER,
            request BLOB,
            refs BLOB,
            faults INTEGER NOT NULL DEFAULT 0,
            generation INTEGER NOT NULL DEFAULT 0);
        -- For publishers (planned, flying), retention and the backlog of requests (direct), and the sweeper (until).
        CREATE INDEX chunks_planned ON chunks (owner) WHERE state = 0;
        CREATE INDEX chunks_flying ON chunks (owner) WHERE state IN (1, 2);
        CREATE INDEX chunks_direct ON chunks (done) WHERE direct = 1;
        CREATE INDEX chunks_until ON chunks (until) WHERE state IN (1, 2);

        -- Images whose isolated computation has begun; two starts without an end are two crashes.
        CREATE TABLE isolated (
            chunk INTEGER NOT NULL,
            number INTEGER NOT NULL,
            starts INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            PRIMARY KEY (chunk, number)) WITHOUT ROWID;

        CREATE TABLE explanations (
            row INTEGER PRIMARY KEY,
            id BLOB NOT NULL,
            created INTEGER NOT NULL,
            condemned INTEGER,
            body BLOB NOT NULL);

        CREATE TABLE items (
            id INTEGER PRIMARY KEY,
            owner INTEGER NOT NULL,
            status INTEGER NOT NULL,
            model TEXT NOT NULL,
            predicted TEXT,
            probability REAL,
            correct INTEGER,
            label TEXT,
            label_class TEXT,
            label_probability REAL,
            explanation BLOB,
            time INTEGER NOT NULL,
            body BLOB NOT NULL,
            source BLOB);
        -- Their entries are inserted nearly in order. The other indexes are a SqliteIndex each.
        CREATE INDEX items_status ON items (owner, status);
        CREATE INDEX items_time ON items (time);

        {string.Concat(SqliteIndex.All.Select(index => index.Create))}

        -- Measurements of evaluations.
        CREATE TABLE chunk_rows (
            id INTEGER PRIMARY KEY,
            header TEXT,
            lines BLOB NOT NULL);

        -- A row for each job that is to be audited; finished is null until then.
        CREATE TABLE audits (
            no INTEGER PRIMARY KEY,
            auditor TEXT,
            until INTEGER,
            attempts INTEGER NOT NULL DEFAULT 0,
            crashes INTEGER NOT NULL DEFAULT 0,
            finished INTEGER,
            report BLOB);
        -- For auditors, which poll.
        CREATE INDEX audits_open ON audits (no) WHERE finished IS NULL;

        CREATE TABLE findings (
            id INTEGER PRIMARY KEY,
            owner INTEGER NOT NULL,
            finding TEXT NOT NULL,
            image INTEGER,
            class INTEGER,
            issue INTEGER NOT NULL,
            body BLOB NOT NULL);
        CREATE INDEX findings_finding ON findings (owner, finding);
        CREATE INDEX findings_class ON findings (owner, class) WHERE class IS NOT NULL;
        CREATE INDEX findings_finding_class ON findings (owner, finding, class) WHERE class IS NOT NULL;
        CREATE INDEX findings_image ON findings (owner, image) WHERE image IS NOT NULL;

        CREATE TABLE provenances (
            id BLOB PRIMARY KEY,
            body BLOB NOT NULL) WITHOUT ROWID;

        CREATE TABLE uploads (
            row INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            media TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            sha256 BLOB NOT NULL,
            created INTEGER NOT NULL,
            owner TEXT);
        CREATE INDEX uploads_created ON uploads (created);

        CREATE TABLE upload_pieces (
            upload BLOB NOT NULL,
            number INTEGER NOT NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (upload, number));
        """;
}
