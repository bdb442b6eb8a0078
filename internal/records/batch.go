package records

import (
	"encoding/json"
	"strconv"

	perch "github.com/perchhq/perch"
)

// AppendBatchError appends the entry of a batch answer for an item that has an error instead of a
// body. field names the item's id; id may be any text. Failures also carry error_name and
// error_message, which older clients read; 202 is no failure.
func AppendBatchError(dst []byte, field string, id []byte, code int, failure *perch.Error) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, field...)
	dst = append(dst, `":`...)
	dst = appendText(dst, string(id))
	dst = append(dst, `,"code":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, `,"body":{"code":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	type member struct{ name, value string }
	members := []member{{"name", failure.Name}, {"finch_code", failure.Code}, {"message", failure.Message}}
	if code >= 400 {
		members = append(members, member{"error_name", failure.Name}, member{"error_message", failure.Message})
	}
	for _, part := range members {
		dst = append(dst, `,"`...)
		dst = append(dst, part.name...)
		dst = append(dst, `":`...)
		dst = appendText(dst, part.value)
	}
	return append(dst, "}}"...)
}

func appendText(dst []byte, text string) []byte {
	encoded, err := json.Marshal(text)
	if err != nil { // strings always encode
		return append(dst, `""`...)
	}
	return append(dst, encoded...)
}
