-- +goose Up

-- A set of files that people or systems handed in for a connection. mapping and report are sealed under
-- the entity's data key. A process works on an upload while lease_until lies in the future.
CREATE TABLE uploads (
    id             TEXT    PRIMARY KEY,
    application_id TEXT    NOT NULL REFERENCES applications (id),
    connection_id  TEXT    NOT NULL REFERENCES connections (id),
    entity_id      TEXT    NOT NULL REFERENCES entities (id),
    origin         TEXT    NOT NULL,
    created_by     TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    state          TEXT    NOT NULL,
    message        TEXT    NOT NULL,
    mapping        BYTEA,
    report         BYTEA,
    allow_leavers  BOOLEAN NOT NULL,
    done           BIGINT  NOT NULL,
    total          BIGINT  NOT NULL,
    counts         TEXT    NOT NULL,
    decided_at     BIGINT  NOT NULL,
    decided_by     TEXT    NOT NULL,
    lease_owner    TEXT    NOT NULL,
    lease_until    BIGINT  NOT NULL
);
CREATE INDEX uploads_by_entity ON uploads (entity_id, created_at);
CREATE INDEX uploads_by_state ON uploads (state, lease_until);

-- The files of an upload, and what is kept to compare the next one with. name is sealed.
CREATE TABLE upload_files (
    id        TEXT   PRIMARY KEY,
    upload_id TEXT   NOT NULL REFERENCES uploads (id),
    entity_id TEXT   NOT NULL,
    position  BIGINT NOT NULL,
    kind      TEXT   NOT NULL,
    name      BYTEA  NOT NULL,
    size      BIGINT NOT NULL,
    chunks    BIGINT NOT NULL
);
CREATE INDEX upload_files_by_upload ON upload_files (upload_id, position);
CREATE INDEX upload_files_by_entity ON upload_files (entity_id);

CREATE TABLE upload_chunks (
    file_id TEXT   NOT NULL REFERENCES upload_files (id),
    number  BIGINT NOT NULL,
    body    BYTEA  NOT NULL,
    PRIMARY KEY (file_id, number)
);

-- How the columns of a provider's files were read last, whoever's they were: titles and fields only.
CREATE TABLE provider_mappings (
    provider_id TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    mapping     TEXT   NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (provider_id, kind)
);

-- Where a connection's files arrive by themselves. password_hash is SHA-256 of 256 random bits;
-- public_key is a line as in authorized_keys; both are empty where nothing was set.
CREATE TABLE drops (
    connection_id  TEXT    PRIMARY KEY REFERENCES connections (id),
    application_id TEXT    NOT NULL,
    entity_id      TEXT    NOT NULL,
    folder         BOOLEAN NOT NULL,
    login          TEXT    NOT NULL UNIQUE,
    password_hash  TEXT    NOT NULL,
    public_key     TEXT    NOT NULL,
    updated_at     BIGINT  NOT NULL
);
