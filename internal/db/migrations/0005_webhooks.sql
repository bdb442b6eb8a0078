-- +goose Up

-- Where an application wants its events sent. url is sealed under the application's data key, since
-- addresses may hold secrets. events are types with spaces between them; none means all. position and
-- number say what of the application's event log was dealt with: all batches before position, and of
-- that one all events before number. A process works for the endpoint while lease_until lies in the
-- future. version grows with each change that people make.
CREATE TABLE webhook_endpoints (
    id             TEXT   PRIMARY KEY,
    application_id TEXT   NOT NULL REFERENCES applications (id),
    url            BYTEA  NOT NULL,
    events         TEXT   NOT NULL,
    description    TEXT   NOT NULL,
    state          TEXT   NOT NULL,
    reason         TEXT   NOT NULL,
    version        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    disabled_at    BIGINT NOT NULL,
    failing_since  BIGINT NOT NULL,
    paused_until   BIGINT NOT NULL,
    position       BIGINT NOT NULL,
    number         BIGINT NOT NULL,
    lease_owner    TEXT   NOT NULL,
    lease_until    BIGINT NOT NULL
);
CREATE INDEX webhook_endpoints_by_application ON webhook_endpoints (application_id, created_at);

-- The secrets that an endpoint's messages are signed with, sealed under the application's data key.
-- expires_at is 0 for the newest; the others are used until then, so that a receiver can change over.
CREATE TABLE webhook_secrets (
    id          TEXT   PRIMARY KEY,
    endpoint_id TEXT   NOT NULL REFERENCES webhook_endpoints (id),
    sealed      BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX webhook_secrets_by_endpoint ON webhook_secrets (endpoint_id, created_at);

-- What happened to an endpoint: made, changed, disabled and why.
CREATE TABLE webhook_notes (
    id          TEXT   PRIMARY KEY,
    endpoint_id TEXT   NOT NULL REFERENCES webhook_endpoints (id),
    at          BIGINT NOT NULL,
    what        TEXT   NOT NULL,
    detail      TEXT   NOT NULL
);
CREATE INDEX webhook_notes_by_endpoint ON webhook_notes (endpoint_id, at);

-- A part of the event log that an endpoint is sent again: from position and number up to, without,
-- until_position.
CREATE TABLE webhook_replays (
    id             TEXT   PRIMARY KEY,
    endpoint_id    TEXT   NOT NULL REFERENCES webhook_endpoints (id),
    position       BIGINT NOT NULL,
    number         BIGINT NOT NULL,
    until_position BIGINT NOT NULL,
    created_at     BIGINT NOT NULL
);
CREATE INDEX webhook_replays_by_endpoint ON webhook_replays (endpoint_id, created_at);

-- An event on its way to an endpoint, from the first attempt on; before that, the endpoint's position
-- stands for it. attempts counts all, tries those since it was last asked for; attempted_at and what
-- follows is the last attempt. answer is the beginning of what the receiver answered, sealed under the
-- application's data key. The event's body stands in the log, at batch_id and number; a test event has
-- its own.
CREATE TABLE webhook_deliveries (
    endpoint_id    TEXT   NOT NULL REFERENCES webhook_endpoints (id),
    event_id       TEXT   NOT NULL,
    application_id TEXT   NOT NULL,
    connection_id  TEXT,
    batch_id       TEXT,
    number         BIGINT NOT NULL,
    type           TEXT   NOT NULL,
    body           TEXT,
    cause          TEXT   NOT NULL,
    state          TEXT   NOT NULL,
    attempts       BIGINT NOT NULL,
    tries          BIGINT NOT NULL,
    next_at        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    attempted_at   BIGINT NOT NULL,
    took           BIGINT NOT NULL,
    status         BIGINT NOT NULL,
    error          TEXT   NOT NULL,
    answer         BYTEA,
    PRIMARY KEY (endpoint_id, event_id)
);
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (endpoint_id, created_at);
-- SQLite uses a partial index only where a query says the very same.
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (endpoint_id, next_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (endpoint_id, created_at) WHERE state = 'failed';

-- The attempts of a delivery before its last one.
CREATE TABLE webhook_attempts (
    endpoint_id TEXT   NOT NULL,
    event_id    TEXT   NOT NULL,
    number      BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    took        BIGINT NOT NULL,
    status      BIGINT NOT NULL,
    error       TEXT   NOT NULL,
    answer      BYTEA,
    PRIMARY KEY (endpoint_id, event_id, number)
);
