// Package clientip says which address a request came from when proxies stand before Perch. Limits by
// address depend on it, so nothing that a client can write itself is believed: a header counts only
// as far as trusted proxies have written it.
package clientip
