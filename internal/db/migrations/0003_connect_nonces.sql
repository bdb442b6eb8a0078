-- +goose Up

-- nonces are SHA-256 hashes, one after the other, of the nonces of the forms that the visit's newest
-- step was shown with, each 256 random bits of its own; spent_nonces those of the step before, by which
-- a form that is sent twice is told from a stranger's. turn stays: it counts the steps, so that of two
-- requests at one time the second notices.
ALTER TABLE connect_sessions DROP COLUMN visit_hash;
ALTER TABLE connect_sessions ADD COLUMN nonces BYTEA;
ALTER TABLE connect_sessions ADD COLUMN spent_nonces BYTEA;

-- A provider's answer is checked against its visit, not looked up.
DROP INDEX connect_sessions_by_oauth;

-- What an employer typed, sealed under the application's data key and bound to the event's id.
ALTER TABLE connect_events ADD COLUMN detail BYTEA;
UPDATE connect_events SET provider_id = '' WHERE event = 'requested_provider';
CREATE INDEX connect_events_by_kind ON connect_events (application_id, event, at);
