// Package sync brings an entity's published records up to date: it reads a provider through a
// connector, gives every record its id, lays what changed under a new generation (internal/records)
// and makes that generation current in one short transaction per product group.
//
// A run is a row in the table of syncs. One process at a time holds its lease; every transaction
// that writes under it checks the lease, so that a process which lost it can do no harm. What a dead
// process left behind is never read and is swept by the next run.
package sync
