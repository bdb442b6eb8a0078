// Package sandbox makes simulated connections for sandbox applications, and lets developers bend them:
// status, company, people, payments, how jobs end.
//
// The employer behind a connection is in provider/sandbox: generated data with edits laid over it. This
// package checks edits and keeps them, sealed, until a sync reads them; nothing else shows them. Edits of
// one employer follow each other, whichever process they come to, and each is stored whole or not at all.
package sandbox
