// Package secret holds the keys of an installation and seals what is sensitive.
//
// There are two long-lived secrets, each a file: the master key, which wraps data keys and may be
// rotated or live in a KMS, and the id key, from which record ids are derived and which is never
// rotated. Every entity and every connection has a data key of its own. Wrapped data keys live in a
// database apart from the records ([KeyStore]): destroying one makes all that it sealed unreadable,
// in backups too.
package secret
