// Package store holds every query, a file per aggregate, in one text for SQLite and PostgreSQL.
//
// Every method names whom it acts for: an application, a connection or an entity. No query finds a
// row by its id alone, except where the id is itself the secret or the job that asks. Methods that
// write take a transaction or run one of their own; nothing uses the store inside a transaction
// that it did not get.
package store
