-- +goose Up

-- Wrapped data keys, apart from the records they seal. An owner is an entity or a connection.
CREATE TABLE data_keys (
    owner_id   TEXT   PRIMARY KEY,
    wrapped    BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);
