// Package provider is the connector SDK: what a connector implements and what it may use.
//
// A connector speaks one employment system. It implements [Connector], whose Open returns a
// [Source] for one account; what the source can read it shows by also implementing
// [CompanyReader], [PeopleReader], [PayGroupReader], [PaymentReader] or [PayStatementReader], which
// the sync engine finds by type assertion, as internal/document finds [W4Reader]. A connector maps what it reads to the unified model of
// package perch and refers to people, pay groups and payments by the provider's own natural keys:
// it never sees or makes a Perch id.
//
// Connectors import this package and the root package only. The simulated employer is in
// provider/sandbox, files as a provider are in provider/file, the list of known systems is in
// provider/catalog.
package provider
