// Package connection makes connections: the row, its entity, its data keys and its first access
// token. How an employer gets there is another matter: a simulated one comes from internal/sandbox,
// files come from the command line.
package connection
