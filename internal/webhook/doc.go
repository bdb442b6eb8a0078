// Package webhook sends applications their events.
//
// An endpoint follows its application's event log (internal/event): its row holds the place that was
// dealt with, so a sync of a hundred thousand changes costs no row per endpoint and event before
// something is sent, and a publishing transaction has nothing to do but to wake the Courier. What was
// tried is a row of its own, a delivery, which says whether and when it is tried again. One process at
// a time works for an endpoint, by a lease in its row; when it dies, another goes on from the row, so
// every event is sent at least once.
//
// Service manages endpoints and shows what became of events. Courier sends: for each endpoint that has
// something to be sent, a lane with connections of its own, so that no receiver waits for another.
// Policy decides which addresses may be reached; it is asked when a connection is made, about the
// address that was resolved.
package webhook
