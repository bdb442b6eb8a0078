package web

import (
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"
	"sync"
)

// NewNonce returns a value for a content policy and the files that it allows.
func NewNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// Send writes a page, compressed if the client reads that and compress allows it. A page that holds a
// secret beside something a stranger can choose is sent as it is: its compressed size would tell.
func Send(w http.ResponseWriter, r *http.Request, status int, body []byte, compress bool) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Vary", "Accept-Encoding")
	if !compress || !AcceptsGzip(r) {
		header.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	header.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	compressor, _ := compressors.Get().(*gzip.Writer)
	defer compressors.Put(compressor)
	compressor.Reset(w)
	_, _ = compressor.Write(body)
	_ = compressor.Close()
}
