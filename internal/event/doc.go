// Package event keeps what applications are told of: that a record, an account or a job changed.
//
// Events come in batches. A batch is written with the data that caused it, in the same transaction or,
// by a sync, in chunks that nobody sees before the sync publishes; then it takes the next position in
// its application's log. So an event is there if and only if its data is, and the order of the log is
// the order of commits. The log is read by page (the change feed) and by the delivery of webhooks,
// which is told of each batch inside the transaction that publishes it. Events hold ids, types and pay
// dates, no personal data, and are kept for 30 days.
//
// Which event a change of a record gives is decided where records are compared, in internal/sync.
package event
