-- +goose Up

-- One row. The checks tell whether the key files at hand are the ones this database was made with.
CREATE TABLE installation (
    id               TEXT   PRIMARY KEY,
    id_key_check     BYTEA  NOT NULL,
    master_key_check BYTEA  NOT NULL,
    created_at       BIGINT NOT NULL
);

-- One row. Its value grows with every change that a cached grant or record could miss.
CREATE TABLE revision (
    id    TEXT   PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO revision (id, value) VALUES ('this', 1);

CREATE TABLE applications (
    id          TEXT   PRIMARY KEY,
    name        TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    secret_hash BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE connections (
    id                  TEXT   PRIMARY KEY,
    application_id      TEXT   NOT NULL REFERENCES applications (id),
    company_id          TEXT   NOT NULL,
    provider_id         TEXT   NOT NULL,
    type                TEXT   NOT NULL,
    authentication_type TEXT   NOT NULL,
    status              TEXT   NOT NULL,
    status_message      TEXT   NOT NULL,
    customer_id         TEXT,
    customer_name       TEXT,
    customer_email      TEXT,
    created_at          BIGINT NOT NULL,
    disconnected_at     BIGINT NOT NULL
);
CREATE INDEX connections_by_application ON connections (application_id, created_at);

-- settings is sealed under the connection's own data key.
CREATE TABLE entities (
    id              TEXT   PRIMARY KEY,
    connection_id   TEXT   NOT NULL REFERENCES connections (id),
    application_id  TEXT   NOT NULL,
    connector       TEXT   NOT NULL,
    name            TEXT,
    source_id       TEXT,
    status          TEXT   NOT NULL,
    settings        BYTEA  NOT NULL,
    last_generation BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX entities_by_connection ON entities (connection_id, created_at);

-- What is published of an entity, by product group. Readers see blocks up to generation.
CREATE TABLE publications (
    entity_id     TEXT    NOT NULL REFERENCES entities (id),
    product_group TEXT    NOT NULL,
    generation    BIGINT  NOT NULL,
    complete      BOOLEAN NOT NULL,
    retrieved_at  BIGINT  NOT NULL,
    attempted_at  BIGINT  NOT NULL,
    result        TEXT    NOT NULL,
    PRIMARY KEY (entity_id, product_group)
);

-- hash is SHA-256 of the token, which is 256 random bits: nothing slower is needed.
CREATE TABLE access_tokens (
    hash           BYTEA  PRIMARY KEY,
    id             TEXT   NOT NULL UNIQUE,
    application_id TEXT   NOT NULL,
    connection_id  TEXT   NOT NULL REFERENCES connections (id),
    entity_id      TEXT   NOT NULL REFERENCES entities (id),
    products       TEXT   NOT NULL,
    created_at     BIGINT NOT NULL
);
CREATE INDEX access_tokens_by_connection ON access_tokens (connection_id);

-- Published and staged records, several to a row, sealed under the entity's data key. A row is
-- never changed once its generation is current: a later generation lays a new row over it.
CREATE TABLE blocks (
    entity_id     TEXT   NOT NULL,
    collection    TEXT   NOT NULL,
    facet         TEXT   NOT NULL,
    number        BIGINT NOT NULL,
    generation    BIGINT NOT NULL,
    product_group TEXT   NOT NULL,
    body          BYTEA  NOT NULL,
    PRIMARY KEY (entity_id, collection, facet, number, generation)
);
CREATE INDEX blocks_by_generation ON blocks (entity_id, product_group, generation);

-- Ids of people who are known by more than one natural key. key_hash is keyed per entity.
CREATE TABLE aliases (
    entity_id TEXT  NOT NULL,
    kind      TEXT  NOT NULL,
    key_hash  BYTEA NOT NULL,
    record_id TEXT  NOT NULL,
    PRIMARY KEY (entity_id, kind, key_hash)
);

-- One run of the sync engine. A process holds the run while lease_until lies in the future.
CREATE TABLE syncs (
    id             TEXT   PRIMARY KEY,
    application_id TEXT   NOT NULL,
    connection_id  TEXT   NOT NULL,
    entity_id      TEXT   NOT NULL REFERENCES entities (id),
    reason         TEXT   NOT NULL,
    state          TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    started_at     BIGINT NOT NULL,
    finished_at    BIGINT NOT NULL,
    lease_owner    TEXT   NOT NULL,
    lease_until    BIGINT NOT NULL,
    attempts       BIGINT NOT NULL,
    summary        TEXT   NOT NULL,
    error_name     TEXT   NOT NULL,
    error_code     TEXT   NOT NULL
);
CREATE INDEX syncs_by_entity ON syncs (entity_id, created_at);
CREATE INDEX syncs_by_state ON syncs (state, lease_until);
-- At most one unfinished sync per entity, whatever the number of processes.
CREATE UNIQUE INDEX syncs_unfinished ON syncs (entity_id) WHERE state IN ('pending', 'running');
