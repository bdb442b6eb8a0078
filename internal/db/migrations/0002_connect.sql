-- +goose Up

-- settings is JSON: redirect URIs, origins and how Connect presents providers.
ALTER TABLE applications ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';

-- company_identity is a keyed hash of the provider's own id of the company, or of its EIN. Two
-- entities that have it in common belong to one company.
ALTER TABLE entities ADD COLUMN company_identity TEXT;
ALTER TABLE entities ADD COLUMN disconnected_at BIGINT NOT NULL DEFAULT 0;

-- For the live connection that a customer has already.
CREATE INDEX connections_by_customer ON connections (application_id, customer_id);

-- The entities of a token; the one with the lowest position is the default.
CREATE TABLE access_token_entities (
    token_id  TEXT   NOT NULL REFERENCES access_tokens (id),
    entity_id TEXT   NOT NULL REFERENCES entities (id),
    position  BIGINT NOT NULL,
    PRIMARY KEY (token_id, entity_id)
);
CREATE INDEX access_token_entities_by_entity ON access_token_entities (entity_id);
INSERT INTO access_token_entities (token_id, entity_id, position) SELECT id, entity_id, 0 FROM access_tokens;

-- One visit to Connect. The first part is what the application asked for and never changes; the rest
-- is where the visit stands. visit_hash is SHA-256 of a random value that only the open page has; the
-- nonce of a form follows from that value and turn, which each form uses up. scratch is sealed under the session's own data key and void after scratch_until.
CREATE TABLE connect_sessions (
    id             TEXT    PRIMARY KEY,
    application_id TEXT    NOT NULL REFERENCES applications (id),
    kind           TEXT    NOT NULL,
    connection_id  TEXT,
    customer_id    TEXT,
    customer_name  TEXT,
    customer_email TEXT,
    products       TEXT    NOT NULL,
    redirect_uri   TEXT    NOT NULL,
    sandbox        TEXT    NOT NULL,
    manual         BOOLEAN NOT NULL,
    integration    TEXT    NOT NULL,
    auth_method    TEXT    NOT NULL,
    recordkeeper   TEXT    NOT NULL,
    plan_id        TEXT,
    created_at     BIGINT  NOT NULL,
    expires_at     BIGINT  NOT NULL,

    status          TEXT   NOT NULL,
    step            TEXT   NOT NULL,
    provider_id     TEXT   NOT NULL,
    method          TEXT   NOT NULL,
    host_origin     TEXT   NOT NULL,
    state           TEXT   NOT NULL,
    visit_hash      BYTEA,
    turn            BIGINT NOT NULL,
    oauth_hash      BYTEA,
    failures        BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    scratch         BYTEA,
    scratch_until   BIGINT NOT NULL,
    made_connection TEXT,
    made_entities   TEXT   NOT NULL,
    made_at         BIGINT NOT NULL
);
CREATE INDEX connect_sessions_by_application ON connect_sessions (application_id, created_at);
CREATE INDEX connect_sessions_by_scratch ON connect_sessions (scratch_until);
CREATE UNIQUE INDEX connect_sessions_by_oauth ON connect_sessions (oauth_hash);

-- hash is SHA-256 of the code, which is 256 random bits. entities are ids with spaces between them.
-- A code that was handed over by message has no redirect URI to agree with.
CREATE TABLE authorization_codes (
    hash           BYTEA   PRIMARY KEY,
    session_id     TEXT    NOT NULL REFERENCES connect_sessions (id),
    application_id TEXT    NOT NULL,
    connection_id  TEXT    NOT NULL REFERENCES connections (id),
    entities       TEXT    NOT NULL,
    products       TEXT    NOT NULL,
    redirect_uri   TEXT    NOT NULL,
    redirected     BOOLEAN NOT NULL,
    created_at     BIGINT  NOT NULL,
    expires_at     BIGINT  NOT NULL,
    used_at        BIGINT  NOT NULL
);
CREATE INDEX authorization_codes_by_connection ON authorization_codes (connection_id);
CREATE INDEX authorization_codes_by_session ON authorization_codes (session_id);

-- What happened during visits: which step was reached, with which provider, and what went wrong.
CREATE TABLE connect_events (
    id             TEXT   PRIMARY KEY,
    session_id     TEXT   NOT NULL REFERENCES connect_sessions (id),
    application_id TEXT   NOT NULL,
    step           TEXT   NOT NULL,
    provider_id    TEXT   NOT NULL,
    event          TEXT   NOT NULL,
    error_kind     TEXT   NOT NULL,
    at             BIGINT NOT NULL
);
CREATE INDEX connect_events_by_session ON connect_events (session_id, at);
CREATE INDEX connect_events_by_application ON connect_events (application_id, at);
