-- +goose Up

-- Where an application's log of events stands: next is the position that the next batch gets, floor the
-- lowest that is still kept. The row is locked until the publishing transaction ends, so that the order
-- of positions is the order of commits.
CREATE TABLE event_logs (
    application_id TEXT   PRIMARY KEY REFERENCES applications (id),
    next           BIGINT NOT NULL,
    floor          BIGINT NOT NULL
);

-- The events of one change: of a sync that was published, or of one transaction. Position is 0 until the
-- batch is published; until then nobody sees it.
CREATE TABLE event_batches (
    id             TEXT   PRIMARY KEY,
    application_id TEXT   NOT NULL REFERENCES applications (id),
    connection_id  TEXT   NOT NULL REFERENCES connections (id),
    entity_id      TEXT   NOT NULL,
    position       BIGINT NOT NULL,
    size           BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    published_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX event_batches_by_position ON event_batches (application_id, position) WHERE position > 0;
CREATE INDEX event_batches_by_time ON event_batches (published_at) WHERE position > 0;
CREATE INDEX event_batches_unpublished ON event_batches (entity_id) WHERE position = 0;

-- body is the JSON that is sent to webhooks and stands in the feed: ids, types and pay dates.
CREATE TABLE events (
    batch_id       TEXT    NOT NULL REFERENCES event_batches (id),
    number         BIGINT  NOT NULL,
    id             TEXT    NOT NULL UNIQUE,
    application_id TEXT    NOT NULL,
    connection_id  TEXT    NOT NULL,
    type           TEXT    NOT NULL,
    assisted       BOOLEAN NOT NULL,
    body           TEXT    NOT NULL,
    PRIMARY KEY (batch_id, number)
);

-- When each generation became current: what changed after a time is what has a later generation. Of
-- those that were published more than a year ago, the newest is kept.
CREATE TABLE generations (
    entity_id     TEXT   NOT NULL REFERENCES entities (id),
    product_group TEXT   NOT NULL,
    generation    BIGINT NOT NULL,
    published_at  BIGINT NOT NULL,
    PRIMARY KEY (entity_id, product_group, generation)
);
INSERT INTO generations (entity_id, product_group, generation, published_at)
    SELECT entity_id, product_group, generation, retrieved_at FROM publications WHERE generation > 0;
