-- +goose Up

-- People who sign in to the operations console. password_hash is argon2id in PHC form.
CREATE TABLE operators (
    id            TEXT   PRIMARY KEY,
    email         TEXT   NOT NULL UNIQUE,
    name          TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    disabled_at   BIGINT NOT NULL
);

-- hash is SHA-256 of the cookie's value, which is 256 random bits.
CREATE TABLE operator_sessions (
    hash        BYTEA  PRIMARY KEY,
    operator_id TEXT   NOT NULL REFERENCES operators (id),
    created_at  BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL
);
CREATE INDEX operator_sessions_by_operator ON operator_sessions (operator_id);

-- Links that sign an operator in once; hash as above.
CREATE TABLE operator_links (
    hash        BYTEA  PRIMARY KEY,
    operator_id TEXT   NOT NULL REFERENCES operators (id),
    expires_at  BIGINT NOT NULL
);

-- Who did what, and when. Rows are only ever added. detail holds no personal data.
CREATE TABLE audit_log (
    id             TEXT   PRIMARY KEY,
    at             BIGINT NOT NULL,
    actor          TEXT   NOT NULL,
    action         TEXT   NOT NULL,
    application_id TEXT,
    connection_id  TEXT,
    detail         TEXT   NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (at, id);
CREATE INDEX audit_log_by_connection ON audit_log (connection_id, at);

-- Work for people that does not follow from the state of a connection, such as deductions to write
-- down. ref is what the task is about, and kind and ref name it: the same thing is never due twice.
CREATE TABLE console_tasks (
    kind           TEXT   NOT NULL,
    ref            TEXT   NOT NULL,
    application_id TEXT   NOT NULL REFERENCES applications (id),
    connection_id  TEXT   REFERENCES connections (id),
    title          TEXT   NOT NULL,
    link           TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    due_at         BIGINT NOT NULL,
    closed_at      BIGINT NOT NULL,
    closed_by      TEXT   NOT NULL,
    PRIMARY KEY (kind, ref)
);
CREATE INDEX console_tasks_open ON console_tasks (closed_at, due_at);

-- What people need to serve a connection: whom the employer invites, and how to sign in at the
-- provider. account is sealed under the connection's data key.
CREATE TABLE assisted_accounts (
    connection_id  TEXT   PRIMARY KEY REFERENCES connections (id),
    invite_address TEXT   NOT NULL,
    account        BYTEA,
    updated_at     BIGINT NOT NULL
);

CREATE INDEX connect_events_by_event ON connect_events (event, at);
CREATE INDEX connections_by_authentication ON connections (authentication_type, disconnected_at);
