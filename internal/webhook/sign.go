package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// newSecret returns 32 random bytes and their base64, which is what receivers are given.
func newSecret() (key []byte, text string) {
	key = make([]byte, sha256.Size)
	_, _ = rand.Read(key)
	return key, encodeSecret(key)
}

func encodeSecret(key []byte) string { return base64.StdEncoding.EncodeToString(key) }

// Headers are those of a message: who it is from is shown by an HMAC-SHA256 over id, time and body
// under each of the keys, so that a receiver who knows one of them can tell. The names are those of the
// API that Perch speaks and, beside them, those of Standard Webhooks.
func Headers(id string, at time.Time, body []byte, keys ...[]byte) http.Header {
	seconds := strconv.FormatInt(at.Unix(), 10)
	var signatures strings.Builder
	for i, key := range keys {
		if i > 0 {
			signatures.WriteByte(' ')
		}
		mac := hmac.New(sha256.New, key)
		for _, part := range [][]byte{[]byte(id), []byte("."), []byte(seconds), []byte("."), body} {
			_, _ = mac.Write(part)
		}
		signatures.WriteString("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	signature := signatures.String()
	return http.Header{
		"Content-Type":      {"application/json"},
		"Finch-Event-Id":    {id},
		"Finch-Timestamp":   {seconds},
		"Finch-Signature":   {signature},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {seconds},
		"Webhook-Signature": {signature},
	}
}
