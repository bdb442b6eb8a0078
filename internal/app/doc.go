// Package app wires the whole of Perch. It is the only package that imports everything; the command
// line and the end-to-end tests run the same [App].
package app
