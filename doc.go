// Package perch is the unified employment model: what an employer's people and pay look like,
// whatever HR or payroll system they come from.
//
// The types here are the wire contract. Their JSON names, nullability and enum values are those of
// the employment API that the published client libraries speak, so a value of this package encodes
// to exactly the bytes that an API answer carries. A nullable field is a pointer (or a slice) and
// nil is JSON null; a field that may be absent is marked omitempty.
//
// Units: money is integer cents ([Money]), rates are basis points, dates are civil dates without a
// time zone ([Date]), hours are hundredths of an hour ([Hours]). No float touches pay.
//
// The package imports the standard library only. Connectors (package provider and below) produce
// these types; internal/sync publishes them; internal/httpapi serves them.
package perch
