// Package automated is what machines do for a connection and what a client can ask about: syncs of
// everything, by themselves once a day or asked for, and the fetch of one person's form.
//
// A job covers all entities of its connection, with a sync each. It ends in the transaction in which the
// last of them ends, which also records the event and schedules the next sync. A connection has one
// unfinished sync and one scheduled one; indexes of the database see to it, so that any number of processes
// can look for what is due at the same time, and none of them leads.
//
// What runs and retries syncs is internal/sync, what queues them internal/jobs.
package automated
