-- +goose Up

-- Rules of an application about the lines of an entity's pay statements. body is sealed under the
-- entity's data key: it quotes names from pay slips. A lower priority goes before a higher one.
CREATE TABLE pay_statement_rules (
    id             TEXT   PRIMARY KEY,
    application_id TEXT   NOT NULL,
    connection_id  TEXT   NOT NULL,
    entity_id      TEXT   NOT NULL REFERENCES entities (id),
    priority       BIGINT NOT NULL,
    body           BYTEA  NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
CREATE INDEX pay_statement_rules_by_entity ON pay_statement_rules (entity_id, priority);

-- Grows with every change of the entity's rules; 0 means that there never were any.
ALTER TABLE entities ADD COLUMN rules_revision BIGINT NOT NULL DEFAULT 0;
