package apierror

import (
	"encoding/json"
	"net/http"
	"strconv"

	perch "github.com/perchhq/perch"
)

// Append writes the body of an error answer: code, name, finch_code and message.
//
// Every error has a finch_code, which is empty where the published table has none: the contract's
// error schema requires the string, the docs call it optional, and the empty string satisfies both.
// A 429 has statusCode and status as well and the order of fields that the docs show.
func Append(dst []byte, e *perch.Error) []byte {
	status := Status(e)
	dst = append(dst, '{')
	if status != http.StatusTooManyRequests {
		return append(appendFields(dst, status, e), '}')
	}
	dst = appendInt(dst, `"statusCode":`, status)
	dst = appendInt(dst, `,"status":`, status)
	dst = appendInt(dst, `,"code":`, status)
	dst = appendText(dst, `,"message":`, e.Message)
	dst = appendText(dst, `,"name":`, e.Name)
	return append(appendText(dst, `,"finch_code":`, e.Code), '}')
}

// AppendItem writes the entry of a batch answer for an item that has an error instead of a body.
// field names the item's id, which may be any text. Beside the fields of Append the body has
// error_name and error_message, which older clients read. An entry that is merely not ready (202) is
// no error and lacks them.
func AppendItem(dst []byte, field string, id []byte, e *perch.Error) []byte {
	status := Status(e)
	dst = appendText(dst, `{"`+field+`":`, string(id))
	dst = appendInt(dst, `,"code":`, status)
	dst = appendFields(append(dst, `,"body":{`...), status, e)
	if status >= http.StatusBadRequest {
		dst = appendText(dst, `,"error_name":`, e.Name)
		dst = appendText(dst, `,"error_message":`, e.Message)
	}
	return append(dst, "}}"...)
}

func appendFields(dst []byte, status int, e *perch.Error) []byte {
	dst = appendInt(dst, `"code":`, status)
	dst = appendText(dst, `,"name":`, e.Name)
	dst = appendText(dst, `,"finch_code":`, e.Code)
	return appendText(dst, `,"message":`, e.Message)
}

func appendInt(dst []byte, label string, value int) []byte {
	return strconv.AppendInt(append(dst, label...), int64(value), 10)
}

func appendText(dst []byte, label, value string) []byte {
	quoted, _ := json.Marshal(value) // cannot fail for a string
	return append(append(dst, label...), quoted...)
}
