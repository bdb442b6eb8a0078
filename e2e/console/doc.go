// Package console works in the operations console as operators do, over HTTP and in Chromium, and looks
// at what the applications' tokens then read.
package console
