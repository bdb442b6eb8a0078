package perch

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

//go:generate go run ./internal/appendgen

// appendString appends a JSON string. Text without anything to escape, which is nearly all, is copied
// as it is; the rest is left to encoding/json.
func appendString(dst []byte, s string) []byte {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == '"' || c == '\\' {
			return appendAny(dst, s)
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if !ascii && (!utf8.ValidString(s) || strings.ContainsAny(s, lineSeparators)) {
		return appendAny(dst, s)
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// lineSeparators end a line in JavaScript, so encoding/json escapes them everywhere.
const lineSeparators = "\u2028\u2029"

// appendAny appends the JSON of a value as encoding/json writes it without escaping HTML. A value that
// cannot be encoded, which the model has none of but malformed raw JSON, is null.
func appendAny(dst []byte, v any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return append(dst, "null"...)
	}
	return append(dst, bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))...)
}
