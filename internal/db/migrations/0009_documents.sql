-- +goose Up

-- Documents are published apart from what syncs read.
INSERT INTO publications (entity_id, product_group, generation, complete, retrieved_at, attempted_at, result)
SELECT id, 'documents', 0, FALSE, 0, 0, '' FROM entities;
