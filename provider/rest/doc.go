// Package rest is what connectors of HTTP APIs share: a client that keeps to a provider's limits and
// retries what may be retried, reading of JSON that is bounded in size and depth, paging as iterators, and OAuth 2
// access that is safe with several processes.
//
// A connector describes its API in a [Client] and calls [Get] or [Send]. Failures come back as the
// typed errors of package provider, which decide in one place whether a sync is tried again, what becomes of the
// connection, and what a client of Perch is told. No error shows a query, a header or a body: those hold
// credentials and people's data.
package rest
