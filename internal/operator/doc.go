// Package operator is the people who run an installation: who they are, how they sign in to the
// operations console, and what they did there, which the audit log keeps.
//
// Passwords are hashed with argon2id. A session is a random cookie of which the database holds the
// SHA-256; it ends after [IdleFor] without a request and [SessionFor] after signing in. Forms carry a
// token that follows from the cookie's value, which no other site can know.
//
// The pages are in internal/console.
package operator
