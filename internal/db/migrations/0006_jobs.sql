-- +goose Up

-- What a client can ask about: syncs of all that a connection has, and the fetch of a form. status has
-- the words of the wire and "scheduled" for the next sync, which begins by itself at scheduled_at; the wire
-- calls that one pending. submitted_at orders the list: when the job is to begin by itself, else when it was made.
-- A job of one person is run by whoever holds it until lease_until, a sync by the rows in syncs that name it.
CREATE TABLE automated_jobs (
    id             TEXT    PRIMARY KEY,
    application_id TEXT    NOT NULL,
    connection_id  TEXT    NOT NULL REFERENCES connections (id),
    entity_id      TEXT    REFERENCES entities (id),
    individual_id  TEXT,
    type           TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    requested      BOOLEAN NOT NULL,
    submitted_at   BIGINT  NOT NULL,
    created_at     BIGINT  NOT NULL,
    scheduled_at   BIGINT  NOT NULL,
    started_at     BIGINT  NOT NULL,
    completed_at   BIGINT  NOT NULL,
    attempts       BIGINT  NOT NULL,
    lease_owner    TEXT    NOT NULL,
    lease_until    BIGINT  NOT NULL
);
CREATE INDEX automated_jobs_by_connection ON automated_jobs (connection_id, submitted_at);
CREATE INDEX automated_jobs_by_status ON automated_jobs (status, submitted_at);
CREATE INDEX automated_jobs_by_end ON automated_jobs (completed_at) WHERE completed_at > 0;
-- One sync at a time per connection, and one next one.
CREATE UNIQUE INDEX automated_jobs_syncing ON automated_jobs (connection_id)
    WHERE type = 'data_sync_all' AND status IN ('pending', 'in_progress');
CREATE UNIQUE INDEX automated_jobs_scheduled ON automated_jobs (connection_id) WHERE status = 'scheduled';
CREATE UNIQUE INDEX automated_jobs_of_person ON automated_jobs (connection_id, type, individual_id)
    WHERE individual_id IS NOT NULL AND status IN ('pending', 'in_progress');

-- How many refreshes were asked for in the window that began at began_at.
CREATE TABLE refresh_windows (
    connection_id TEXT   PRIMARY KEY REFERENCES connections (id),
    began_at      BIGINT NOT NULL,
    used          BIGINT NOT NULL
);

-- The job that a sync belongs to; imports of files belong to none.
ALTER TABLE syncs ADD COLUMN job_id TEXT;
CREATE INDEX syncs_by_job ON syncs (job_id) WHERE job_id IS NOT NULL;
