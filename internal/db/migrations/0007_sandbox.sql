-- +goose Up

-- An account of a connection may be authorised in another way than the connection; NULL is the same way.
ALTER TABLE entities ADD COLUMN authentication_type TEXT;
-- A developer moved the simulated account to its status, and syncs leave it there.
ALTER TABLE entities ADD COLUMN status_held BOOLEAN NOT NULL DEFAULT FALSE;

-- What developers changed in simulated employers. number says which person or payment, part which part
-- of a payment's statements. body is sealed under the entity's data key, identifiers twice.
CREATE TABLE sandbox_edits (
    entity_id   TEXT   NOT NULL REFERENCES entities (id),
    kind        TEXT   NOT NULL,
    number      BIGINT NOT NULL,
    part        BIGINT NOT NULL,
    body        BYTEA  NOT NULL,
    identifiers BYTEA,
    changed_at  BIGINT NOT NULL,
    PRIMARY KEY (entity_id, kind, number, part)
);

-- How jobs on a connection to a simulated employer are to end.
CREATE TABLE sandbox_jobs (
    connection_id     TEXT NOT NULL REFERENCES connections (id),
    type              TEXT NOT NULL,
    completion_status TEXT NOT NULL,
    PRIMARY KEY (connection_id, type)
);
