// Package db opens the database, runs its migrations and hides what little differs between SQLite
// and PostgreSQL.
//
// One query text serves both: TEXT ids, BIGINT microseconds for times, BYTEA bodies (SQLite takes
// any type name), $1 parameters, ON CONFLICT and RETURNING. What differs stands in [Dialect].
// Queries live in internal/store.
package db
