// Package e2e runs the whole of Perch and looks at it from outside, as its clients do: with the
// published Node client library (sdk/) and over plain HTTP, on SQLite and on PostgreSQL.
//
// Every answer that the client library receives is held against the published contract. Where an
// answer departs from it on purpose, deviations.json names the place, the reason and the source;
// additions.json names what Perch sends beyond the contract. An entry that no answer needs fails
// the test, so the lists stay true.
package e2e
