// Package access decides who may do what: applications and their secrets, access tokens and their
// products, and the life of a connection until it is disconnected.
//
// Every request is authenticated here. Authentication is cached and checked against the database's
// revision on each request, so that a disconnect holds in every process on the next request.
package access
