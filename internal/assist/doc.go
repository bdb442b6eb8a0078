// Package assist serves connections whose data people bring in as files. The reading of files is in
// provider/file; what is read is published by internal/sync like any other data.
package assist
