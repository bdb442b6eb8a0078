package connectui

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/perchhq/perch/internal/web"
)

// The file names the script's object by a placeholder, because the name belongs to the protocol.
//
//go:embed embed/embed.js
var embedSource string

// script is what host applications embed. Its address stays the same, so browsers ask again, at most
// every ten minutes, and get a short answer when nothing changed.
type script struct {
	plain, gzipped []byte
	tag            string
}

func newScript() (script, error) {
	name := strings.ToUpper(wire[:1]) + wire[1:]
	source := []byte(strings.NewReplacer("@Wire@", name, "@wire@", wire).Replace(embedSource))
	gzipped, err := web.Gzip(source)
	if err != nil {
		return script{}, err
	}
	sum := sha256.Sum256(source)
	return script{plain: source, gzipped: gzipped, tag: `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}, nil
}

// ServeHTTP implements http.Handler.
func (s script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/javascript; charset=utf-8")
	header.Set("Cache-Control", "public, max-age=600")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept-Encoding")
	header.Set("ETag", s.tag)
	if r.Header.Get("If-None-Match") == s.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if web.AcceptsGzip(r) {
		header.Set("Content-Encoding", "gzip")
		_, _ = w.Write(s.gzipped)
		return
	}
	_, _ = w.Write(s.plain)
}
