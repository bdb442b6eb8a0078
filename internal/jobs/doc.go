// Package jobs runs work in the background on River, on SQLite and on PostgreSQL alike. A job's
// arguments are ids: what there is to do stands in the row that they name, so that any process can
// do it, twice if need be.
package jobs
