package httpapi

import (
	"net/url"
	"strings"

	perch "github.com/perchhq/perch"
)

// query is a raw query string. It is scanned once per parameter that an endpoint has, which for the
// handful that there are is cheaper than building a map.
type query string

// next splits the first pair off.
func (q query) next() (key, value string, rest query) {
	pair, tail, _ := strings.Cut(string(q), "&")
	key, value, _ = strings.Cut(pair, "=")
	return key, value, query(tail)
}

// one returns the value of a parameter that is not an array.
func (q query) one(name string) (value string, found bool, err error) {
	for q != "" {
		var key, raw string
		if key, raw, q = q.next(); unescapeKey(key) != name {
			continue
		}
		if found {
			return "", true, perch.Invalid(name, "is given more than once.")
		}
		if value, err = unescape(name, raw); err != nil {
			return "", true, err
		}
		found = true
	}
	return value, found, nil
}

// each calls visit with every value of an array parameter, in any of the forms that clients send:
// a=1&a=2, a[]=1&a[]=2, a[0]=1&a[1]=2 and a=1,2.
func (q query) each(name string, visit func(value string) error) error {
	for q != "" {
		var key, raw string
		if key, raw, q = q.next(); !isElement(unescapeKey(key), name) {
			continue
		}
		list, err := unescape(name, raw)
		for more := true; more && err == nil; {
			var value string
			value, list, more = strings.Cut(list, ",")
			err = visit(value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isElement reports whether key is name, name[] or name[digits].
func isElement(key, name string) bool {
	index, ok := strings.CutPrefix(key, name)
	if !ok || index == "" {
		return ok
	}
	if len(index) < 2 || index[0] != '[' || index[len(index)-1] != ']' {
		return false
	}
	return strings.Trim(index[1:len(index)-1], "0123456789") == ""
}

// unescapeKey returns the key, or an empty one, which no parameter has, if it cannot be read.
func unescapeKey(key string) string {
	if strings.IndexByte(key, '%') < 0 && strings.IndexByte(key, '+') < 0 {
		return key
	}
	key, _ = url.QueryUnescape(key)
	return key
}

func unescape(name, raw string) (string, error) {
	if strings.IndexByte(raw, '%') < 0 && strings.IndexByte(raw, '+') < 0 {
		return raw, nil
	}
	value, err := url.QueryUnescape(raw)
	if err != nil {
		return "", perch.Invalid(name, "is not properly percent-encoded.")
	}
	return value, nil
}
