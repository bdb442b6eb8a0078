-- +goose Up

-- Deductions that were asked for over the API before the provider knew them. identity is a keyed hash of type,
-- frequency and description, by which asking again finds the same one; key_hash is one of the provider's own key,
-- NULL until the provider has it. body is sealed under the entity's data key.
CREATE TABLE deductions (
    id         TEXT    PRIMARY KEY,
    entity_id  TEXT    NOT NULL REFERENCES entities (id),
    identity   BYTEA   NOT NULL,
    key_hash   BYTEA,
    body       BYTEA   NOT NULL,
    failed     BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL
);
CREATE UNIQUE INDEX deductions_by_identity ON deductions (entity_id, identity);
CREATE UNIQUE INDEX deductions_by_key ON deductions (entity_id, key_hash) WHERE key_hash IS NOT NULL;

-- Writes of deductions that clients asked for. Those of an entity are done one after the other, in the order of
-- number, by whoever holds the oldest until lease_until, and not before due_at. Those that wait for people are left
-- alone by machines.
-- request and result are sealed under the entity's data key.
CREATE TABLE manual_jobs (
    id             TEXT    PRIMARY KEY,
    application_id TEXT    NOT NULL,
    connection_id  TEXT    NOT NULL REFERENCES connections (id),
    entity_id      TEXT    NOT NULL REFERENCES entities (id),
    number         BIGINT  NOT NULL,
    type           TEXT    NOT NULL,
    benefit_id     TEXT    NOT NULL,
    for_people     BOOLEAN NOT NULL,
    status         TEXT    NOT NULL,
    request        BYTEA   NOT NULL,
    result         BYTEA,
    created_at     BIGINT  NOT NULL,
    started_at     BIGINT  NOT NULL,
    completed_at   BIGINT  NOT NULL,
    attempts       BIGINT  NOT NULL,
    due_at         BIGINT  NOT NULL,
    lease_owner    TEXT    NOT NULL,
    lease_until    BIGINT  NOT NULL
);
CREATE UNIQUE INDEX manual_jobs_by_entity ON manual_jobs (entity_id, number);
CREATE INDEX manual_jobs_unfinished ON manual_jobs (entity_id, number) WHERE status IN ('pending', 'in_progress');

-- What was written to the deductions of simulated employers. Bodies are sealed under the entity's data key.
CREATE TABLE sandbox_deductions (
    entity_id TEXT   NOT NULL REFERENCES entities (id),
    number    BIGINT NOT NULL,
    body      BYTEA  NOT NULL,
    PRIMARY KEY (entity_id, number)
);
CREATE TABLE sandbox_enrolments (
    entity_id TEXT    NOT NULL REFERENCES entities (id),
    deduction BIGINT  NOT NULL,
    person    BIGINT  NOT NULL,
    enrolled  BOOLEAN NOT NULL,
    body      BYTEA   NOT NULL,
    PRIMARY KEY (entity_id, deduction, person)
);
-- What each write did, so that none is applied twice. Kept as long as a write may be tried again.
CREATE TABLE sandbox_writes (
    entity_id  TEXT   NOT NULL REFERENCES entities (id),
    id         TEXT   NOT NULL,
    result     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (entity_id, id)
);
