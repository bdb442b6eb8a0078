// Package apierror is the one table that turns domain errors into HTTP: which status a name and
// code stand for, and what the body looks like. The use cases that write batch answers, where each
// entry carries a status of its own, read the same table as internal/httpapi.
package apierror
